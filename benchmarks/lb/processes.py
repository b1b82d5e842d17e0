"""Processes of the benchmark, each on one core."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lb.cache import Unavailable

_START_SECONDS = 90.0
_END_SECONDS = 5.0
_LAST_LINES = 3
_OF_REPLICAS = b"text_completion"
"""What stands in the answer of a replica, and in no answer of a proxy."""


@dataclass(frozen=True)
class Cores:
    """Which core runs what."""

    proxy: int
    load: int
    """The load generator, the replicas and this process."""

    @staticmethod
    def here() -> Cores:
        """Return the first two cores that this process may use.

        Raises:
            Unavailable: There are less.
        """
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:
            raise Unavailable(f"two cores are needed, {len(usable)} is there")
        return Cores(proxy=usable[1], load=usable[0])


@contextmanager
def running(
    command: Sequence[str], core: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process on one core; it and all that it started end with the context."""
    pinned = ["taskset", "--cpu-list", str(core), *command]
    variables = {**os.environ, **(environment or {})}
    with log.open("ab") as output:
        process = subprocess.Popen(
            pinned,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=variables,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def wait_for_answer(process: subprocess.Popen[bytes], port: int, target: str, log: Path) -> None:
    """Wait until a proxy passes on the answer of a replica.

    Raises:
        Unavailable: It ended or does not do so in time.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(port, target):
        if process.poll() is not None:
            raise Unavailable(f"it ended at once: {_last_lines(log)}")
        if time.monotonic() > deadline:
            raise Unavailable(f"no answer within {_START_SECONDS:g} s: {_last_lines(log)}")
        time.sleep(0.05)


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports of 127.0.0.1 that nobody listens on."""
    bound = [socket.socket() for _ in range(count)]
    try:
        for each in bound:
            each.bind(("127.0.0.1", 0))
        return tuple(int(each.getsockname()[1]) for each in bound)
    finally:
        for each in bound:
            each.close()


def _answers(port: int, target: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status == 200 and _OF_REPLICAS in response.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    # What it started is in its group: also what it left behind.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_lines(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return " / ".join([line.strip() for line in lines if line.strip()][-_LAST_LINES:])
