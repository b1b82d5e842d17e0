"""Processes of a machine: starting them with the right environment, and reaping them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKER = "SKYFLOW_LOCAL_MACHINE"
"""Environment variable that every process of a machine has: the machine's directory."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ")
"""What a machine takes from the environment of whoever launches it; never anything secret."""


def marked_environment(machine: Path) -> dict[str, str]:
    """Return the environment that a machine's own process is started with."""
    passed = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    return passed | {MARKER: str(machine)}


@dataclass(frozen=True)
class Child:
    """A process that was started, and the exit status that it will have."""

    process: subprocess.Popen[bytes]
    ended: asyncio.Future[int]
    """Exit status; negative if a signal ended the process."""


class ProcessTable:
    """Children of this process, and the orphans it has adopted."""

    def __init__(self) -> None:
        self._children: dict[int, Child] = {}

    def start(self) -> None:
        """Reap from now on; must be called in the event loop's thread."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def spawn(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
        prepare: Callable[[], None] | None = None,
    ) -> Child:
        """Start a process in a session of its own.

        Args:
            command: Program and arguments.
            environment: All of its environment.
            streams: Its standard input, output and error: file descriptors or `subprocess.PIPE`.
            prepare: Called in the new process before the program.

        """
        stdin, stdout, stderr = streams
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=prepare,
        )
        child = Child(process, asyncio.get_running_loop().create_future())
        self._children[process.pid] = child
        return child

    def _reap(self) -> None:
        while (reaped := _next_ended()) is not None:
            process_id, status = reaped
            child = self._children.pop(process_id, None)
            if child is None:
                continue
            child.process.returncode = os.waitstatus_to_exitcode(status)
            if not child.ended.done():
                child.ended.set_result(child.process.returncode)


def reap_all() -> None:
    """Reap every child that has ended."""
    while _next_ended() is not None:
        pass


def _next_ended() -> tuple[int, int] | None:
    try:
        process_id, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (process_id, status) if process_id else None
