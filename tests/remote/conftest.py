"""A real SSH server on loopback that runs real bash, each machine with a home of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest

from skyflow.clouds.base import Machine
from skyflow.config import Settings
from skyflow.placement.offers import Place
from skyflow.remote.replica_home import ReplicaHome
from skyflow.remote.ssh import connect
from skyflow.storage.keyring import Keyring
from skyflow.storage.store import Store
from tests.moto import aws, s3

__all__ = ["aws", "s3"]


class SshMachine:
    """One machine: an SSH server and a home directory."""

    def __init__(self, home: Path, keyring: Keyring) -> None:
        self.home = home
        self.keyring = keyring
        self.host_key_name = "machine"
        self._server: asyncssh.SSHAcceptor | None = None
        self._port = 0
        self._connections: list[asyncssh.SSHServerConnection] = []
        self._children: set[asyncio.subprocess.Process] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        keys = self.keyring.machine_keys(self.host_key_name)
        self._server = await asyncssh.listen(
            "127.0.0.1",
            self._port,
            server_host_keys=[asyncssh.import_private_key(keys.host_private_key)],
            authorized_client_keys=asyncssh.import_authorized_keys(keys.authorized_key),
            process_factory=self._serve,
            acceptor=self._connections.append,
            encoding=None,
            config=None,
        )
        self._port = self._server.get_port()

    async def stop(self) -> None:
        """Stop listening and cut every connection; processes go on."""
        self.cut()
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def cut(self) -> None:
        """Cut every connection without a word."""
        for connection in self._connections:
            connection.abort()
        self._connections.clear()

    @property
    def commands(self) -> int:
        """Number of commands that have not ended."""
        return len(self._tasks)

    @property
    def record(self) -> Machine:
        return Machine(
            name="machine",
            place=Place(cloud="local", region="here", zone="here", instance_type="small"),
            address="127.0.0.1",
            ssh_port=self._port,
            ssh_user="someone",
            internal_address="10.0.0.1",
            replica_port=8080,
        )

    async def close(self) -> None:
        """Stop, and end the commands that are left."""
        await self.stop()
        for child in self._children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        await asyncio.gather(*self._tasks)

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        # In a task of its own: the server cancels this one when the connection is lost.
        task = asyncio.create_task(self._run(process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        child = await asyncio.create_subprocess_exec(
            "/bin/bash",
            "-c",
            process.command or "exit 0",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], "USER": "someone"},
            start_new_session=True,
        )
        self._children.add(child)
        status = await _converse(process, child)
        self._children.discard(child)
        process.exit(status if status >= 0 else 128 - status)


async def _converse(
    process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
) -> int:
    """Pass on stdin, stdout and stderr; return the exit status."""
    assert child.stdin
    assert child.stdout
    assert child.stderr
    feeding = asyncio.create_task(_feed(process.stdin, child.stdin))
    await asyncio.gather(_print(child.stdout, process.stdout), _print(child.stderr, process.stderr))
    status = await child.wait()
    feeding.cancel()
    await asyncio.wait([feeding])
    return status


async def _feed(source: asyncssh.SSHReader[bytes], target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


async def _print(source: asyncio.StreamReader, target: asyncssh.SSHWriter[bytes]) -> None:
    while data := await source.read(65536):
        with suppress(OSError, asyncssh.Error):
            target.write(data)
            await target.drain()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "skyflow")


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    return Keyring.load(settings)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings)


@pytest.fixture
async def machine(tmp_path: Path, keyring: Keyring) -> AsyncIterator[SshMachine]:
    home = tmp_path / "home of machine"
    home.mkdir()
    server = SshMachine(home, keyring)
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def connection(
    machine: SshMachine, keyring: Keyring
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with connect(machine.record, keyring) as opened:
        yield opened


@pytest.fixture
async def replica(machine: SshMachine, keyring: Keyring) -> AsyncIterator[ReplicaHome]:
    """Give a replica's home, and end whatever a test leaves running there."""
    async with connect(machine.record, keyring) as opened:
        yield ReplicaHome(opened)
    async with connect(machine.record, keyring) as opened:
        await ReplicaHome(opened).stop(grace_seconds=0)
