"""Processes of this computer, told apart from later ones that get the same number."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import os
import signal
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from skyflow.records import Record

STACK_VARIABLE = "SKYFLOW_STACK_PROCESS"
"""Environment variable by which the processes of a stack are found when nobody supervises them."""

_SUPERVISOR = "supervisor"
_POLL_SECONDS = 0.05
_START_FIELD = 19
"""Place of the start time (clock ticks since boot) among the fields after the command's name:
field 22 of /proc/PID/stat in proc(5)."""


class ProcessIdentity(Record):
    """One process, named so that a later one with its number is not taken for it."""

    pid: int
    start: str
    """When it started, in the system's own words, which do not move when the clock is set."""
    created_at: float
    """Time (Unix, seconds) at which the process started."""

    @staticmethod
    def of(pid: int) -> ProcessIdentity | None:
        """Return the identity of a running process, None if there is none of that number."""
        try:
            created_at = psutil.Process(pid).create_time()
            return ProcessIdentity(pid=pid, start=_start_of(pid), created_at=created_at)
        except (psutil.Error, OSError):
            return None

    @property
    def alive(self) -> bool:
        """Whether the process runs; one that ended and was not waited for does not."""
        try:
            process = self._process()
            return process is not None and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return False
        except (psutil.Error, OSError):
            # Nothing can be read, for want of file descriptors for instance: asked without any.
            return psutil.pid_exists(self.pid)

    @property
    def resident_bytes(self) -> int | None:
        """Resident memory (bytes), None if the process has ended."""
        try:
            process = self._process()
            return process.memory_info().rss if process else None
        except (psutil.Error, OSError):
            return None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        try:
            process = self._process()
            if process is not None:
                process.send_signal(number)
        except (psutil.Error, OSError):
            return

    def _process(self) -> psutil.Process | None:
        return psutil.Process(self.pid) if _start_of(self.pid) == self.start else None


@dataclass(frozen=True)
class StackMember:
    """A running process that a supervisor started, by what that supervisor noted in it."""

    name: str
    fingerprint: str
    """Digest of all that the process was started with."""
    identity: ProcessIdentity


def stack_marker(name: str, command: Sequence[str], fingerprint: str) -> str:
    """Return what the environment of a stack's process says of it.

    The digest of the arguments tells the process from those it starts, which inherit the variable.
    """
    return f"{name}:{_digest(command[1:])}:{fingerprint}"


def fingerprint(command: Sequence[str], environment: Sequence[str]) -> str:
    """Return a digest of a command and its environment's own entries."""
    return _digest([*command, *environment])


def supervisor_marker(command: Sequence[str]) -> str:
    """Return what the environment of a supervisor says of it."""
    return f"{_SUPERVISOR}:{_digest(command[1:])}"


def find_stack_members(home: Path) -> list[StackMember]:
    """Return the running processes that supervisors of an installation started."""
    return [
        StackMember(name, started_with, identity)
        for identity, arguments, marker in _stack_processes(home)
        if marker.count(":") == 2
        for name, started_for, started_with in [marker.split(":")]
        if started_for == arguments
    ]


def find_supervisors(home: Path) -> list[ProcessIdentity]:
    """Return the running supervisors of an installation."""
    return [
        identity
        for identity, arguments, marker in _stack_processes(home)
        if marker == f"{_SUPERVISOR}:{arguments}"
    ]


async def end_processes(processes: Collection[ProcessIdentity], grace_seconds: float) -> bool:
    """End processes with SIGTERM, and with SIGKILL after a grace; return whether all have ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            process.send(number)
        if await _all_ended(processes, grace_seconds):
            return True
    return False


async def _all_ended(processes: Collection[ProcessIdentity], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(process.alive for process in processes):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _stack_processes(home: Path) -> Iterator[tuple[ProcessIdentity, str, str]]:
    """Yield the running processes of a stack: who, digest of the arguments, and marker."""
    user, wanted = os.getuid(), os.path.realpath(home)
    for process in psutil.process_iter():
        # What may not be read is somebody else's; what is gone has ended.
        with contextlib.suppress(psutil.Error, OSError):
            if process.uids().real != user or process.status() == psutil.STATUS_ZOMBIE:
                continue
            environment = process.environ()
            marker = environment.get(STACK_VARIABLE, "")
            if not marker or os.path.realpath(environment.get("SKYFLOW_HOME", "")) != wanted:
                continue
            arguments = _digest(process.cmdline()[1:])
            if identity := ProcessIdentity.of(process.pid):
                yield identity, arguments, marker


def _start_of(pid: int) -> str:
    if sys.platform != "linux":
        return repr(psutil.Process(pid).create_time())
    # psutil adds the boot time to this, and the boot time moves when the clock is set.
    status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    ticks = status.rpartition(")")[2].split()[_START_FIELD]
    return f"{_boot_id()}/{ticks}"


@functools.cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
