"""Processes that the harness starts, and starts again when they are killed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

RESTART_SECONDS = 0.3
"""As a supervisor does: at once, but for a moment."""
_END_SECONDS = 15.0
_LOOK_SECONDS = 0.1

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [
        "worker.run",
        "lb.control.process",
        "lb.data.process",
        "tests.faults.interception",
        "tests.faults.processes",
    ]
)


class KeptProcess(ABC):
    """A process that is kept running until it is stopped."""

    def __init__(self) -> None:
        self._keeper: asyncio.Task[None] | None = None

    @property
    @abstractmethod
    def pid(self) -> int | None:
        """Id of the process; None between its end and its next start."""

    async def start(self) -> None:
        self._spawn()
        self._keeper = asyncio.create_task(self._keep())

    async def leave(self, *numbers: signal.Signals) -> None:
        """Send signals to it, and do not start it again."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        for number in numbers:
            if self.pid:
                send(self.pid, number)

    async def stop(self) -> None:
        """End it: with SIGTERM, and with SIGKILL if that does not do."""
        await self.leave(signal.SIGCONT, signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), _END_SECONDS)
        except TimeoutError:
            if self.pid:
                send(self.pid, signal.SIGKILL)
            await self.ended()

    async def _keep(self) -> None:
        while True:
            await self.ended()
            await asyncio.sleep(RESTART_SECONDS)
            self._spawn()

    @abstractmethod
    def _spawn(self) -> None: ...

    async def ended(self) -> None:
        """Wait until it does not run."""
        # Neither child can be awaited: the one is not asyncio's, the other not even our own.
        while True:
            if self.pid is None:
                return
            await asyncio.sleep(_LOOK_SECONDS)


class Program(KeptProcess):
    """A command."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        super().__init__()
        self._command = command
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


class Module(KeptProcess):
    """`python -m MODULE ...`, forked from a process that has imported it: that saves seconds."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        super().__init__()
        log.touch()
        self._arguments = (arguments, environment, log)
        self._process: ForkServerProcess | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.is_alive() else None

    def _spawn(self) -> None:
        self._process = _forks.Process(target=_run_module, args=self._arguments)
        self._process.start()


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that has ended is no error."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _run_module(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    from tests.faults.interception import install

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(arguments)
    install(environment["SKYFLOW_FAULTS"])
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
