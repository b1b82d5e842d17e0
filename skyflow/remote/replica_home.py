"""What skyflow keeps and runs on a replica's machine, in `~/.skyflow-replica/`."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256

import asyncssh

from skyflow.errors import CommandFailed
from skyflow.records import Record
from skyflow.remote import scripts
from skyflow.remote.environment import render
from skyflow.remote.ssh import run

_POLL_SECONDS = 30
"""How long one command waits for the end of a job before it is sent again."""
_OTHER_RUNS = 75
_KILLED = 128 + 9
_FILE_MODE = 0o600


class ProcessPhase(StrEnum):
    """Where a job is."""

    NOT_STARTED = "none"
    RUNNING = "running"
    EXITED = "exited"
    KILLED = "killed"
    """It ended and nothing could note how: the machine restarted, or its keeper was killed."""


class ProcessState(Record):
    """What became of a job."""

    phase: ProcessPhase
    exit_status: int | None = None
    """Set when it exited; 128 + n when signal n ended it."""


class ReplicaHome:
    """The replica's home on one machine. Everything can be repeated after a lost connection."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        """Work over a connection, which stays the caller's to close."""
        self.connection = connection

    async def prepare(self, environment: Mapping[str, str], setup: str | None, run_: str) -> None:
        """Put the environment and the scripts in place; they go over stdin only.

        Raises:
            UsageError: A variable cannot be one in bash.
            RemoteError: It could not be done.

        """
        files = {
            "env": render(environment),
            "library.sh": scripts.LIBRARY,
            "keeper.sh": scripts.KEEPER,
            "run.sh": scripts.run_script(run_),
        }
        setup_script = scripts.setup_script(setup, run_)
        if setup_script is not None:
            files["setup.sh"] = setup_script
        await run(self.connection, scripts.PREPARE, _archive(files))

    async def run_setup(self, token: str) -> None:
        """Run setup once per token and wait for its end; join it if it runs already.

        Raises:
            CommandFailed: It ended with another status than 0.
            ConnectionFailed: The connection was lost; setup goes on.

        """
        await self._start("setup", token)
        state = await self._wait("setup", _POLL_SECONDS)
        while state.phase is ProcessPhase.RUNNING:
            state = await self._wait("setup", _POLL_SECONDS)
        if state.phase is ProcessPhase.KILLED:
            raise CommandFailed("setup was killed before its end", _KILLED)
        if state.exit_status:
            raise CommandFailed(
                f"setup ended with exit status {state.exit_status}", state.exit_status
            )

    async def start(self, token: str) -> None:
        """Start run, detached, once per token.

        Raises:
            CommandFailed: It could not be started, or another start of it still runs.
            ConnectionFailed: The connection was lost.

        """
        await self._start("run", token)

    async def process_state(self) -> ProcessState:
        """Return the state of run.

        Raises:
            RemoteError: It could not be asked.

        """
        return _parsed(await run(self.connection, scripts.state_script("run")))

    async def wait_for_exit(self, seconds: int = _POLL_SECONDS) -> ProcessState:
        """Return the state of run as soon as it has ended, or after some seconds.

        Raises:
            RemoteError: It could not be asked.

        """
        return await self._wait("run", seconds)

    async def stop(self, grace_seconds: float) -> None:
        """End every process of setup and run: SIGTERM, and SIGKILL after the grace.

        Raises:
            RemoteError: It could not be done.

        """
        await run(self.connection, scripts.stop_script(grace_seconds))

    async def _start(self, job: str, token: str) -> None:
        # Hashed, a token of any characters is a safe word and file name.
        name = sha256(token.encode()).hexdigest()[:32]
        try:
            await run(self.connection, scripts.start_script(job, name))
        except CommandFailed as error:
            if error.exit_status != _OTHER_RUNS:
                raise
            raise CommandFailed(
                f"{job} was started before with another token and still runs", _OTHER_RUNS
            ) from None

    async def _wait(self, job: str, seconds: int) -> ProcessState:
        return _parsed(await run(self.connection, scripts.wait_script(job, seconds)))


def _archive(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(mode="w", fileobj=buffer) as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            content = text.encode()
            entry.mode, entry.size = _FILE_MODE, len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _parsed(output: str) -> ProcessState:
    phase, _, status = output.strip().partition(" ")
    return ProcessState(phase=ProcessPhase(phase), exit_status=int(status) if status else None)
