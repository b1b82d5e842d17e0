"""One supervised process: started, or taken over from a dead supervisor, and kept running."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from skyflow.processes import STACK_VARIABLE, ProcessIdentity, fingerprint, stack_marker
from skyflow.stack_state import ProcessState, StackProcess
from worker.backoff import Backoff

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
"""Processes that were taken over are nobody's children: their end can only be looked for."""

_FAILED_CHECK_SECONDS = 1.0

HANGING_SECONDS = 10.0
"""Time between two questions whether a process reacts, and the longest wait for an answer."""
_HANGING_QUESTIONS = 6
"""Questions in a row without a reaction after which a process is killed. They are counted rather
than the time, as the time goes on while the computer sleeps and nobody can react."""


@dataclass(frozen=True)
class ProcessSpec:
    """What to run, and how to tell that it answers."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[int], Awaitable[bool]]
    """Whether the process of that id answers."""
    reacts: Callable[[], Awaitable[bool]] | None = None
    """Whether a process that answered once still does anything at all, found out within
    `HANGING_SECONDS`. What it depends on must not matter: it is killed if it never reacts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own. A change in it means another process is wanted."""
    address: str = ""
    grace_seconds: float = 5
    """Time between SIGTERM and SIGKILL."""
    takes_over: bool = False
    """Whether it has one of its name that runs already leave, without anybody noticing."""

    @property
    def fingerprint(self) -> str:
        """Digest by which a running process is recognised as the one wanted."""
        entries = [f"{key}={value}" for key, value in sorted(self.environment.items())]
        return fingerprint(self.command, entries)

    @property
    def marker(self) -> str:
        """What the process's environment says of it."""
        return stack_marker(self.name, self.command, self.fingerprint)


class SupervisedProcess:
    """Keeps one process running until it is stopped."""

    def __init__(
        self,
        spec: ProcessSpec,
        home: Path,
        log: Path,
        changed: Callable[[], None],
        adopted: ProcessIdentity | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.spec = spec
        self._home = home
        self._log = log
        self._changed = changed
        self._backoff = backoff or Backoff()
        self._child: subprocess.Popen[bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        self._identity = adopted
        self._state = ProcessState.STARTING
        self._ready_at: float | None = None
        self._restarts = 0
        self._last_exit: int | None = None

    @property
    def record(self) -> StackProcess:
        """What there is to know of the process."""
        return StackProcess(
            name=self.spec.name,
            state=self._state,
            identity=self._identity,
            restarts=self._restarts,
            last_exit=self._last_exit,
            address=self.spec.address,
        )

    async def ready(self, seconds: float) -> bool:
        """Return whether the process answers, within a number of seconds."""
        deadline = time.monotonic() + seconds
        while self._state is not ProcessState.READY:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    def start(self) -> None:
        """Begin to keep the process running."""
        self._task = asyncio.create_task(self._keep_running(), name=self.spec.name)

    async def stop(self) -> None:
        """End the process: with SIGTERM, and with SIGKILL after its grace."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._identity is not None:
            self._identity.send(signal.SIGTERM)
            if not await self._ended(self.spec.grace_seconds):
                logger.warning("%s did not end in time: killed", self.spec.name)
                self._identity.send(signal.SIGKILL)
                await self._ended(self.spec.grace_seconds)
        self._child = self._identity = None
        self._become(ProcessState.STOPPED)

    async def _keep_running(self) -> None:
        delay: float | None = None
        if self._identity is not None:
            logger.info("%s (pid %d) taken over", self.spec.name, self._identity.pid)
        while True:
            self._ready_at = None
            if self._identity is not None or self._spawn():
                await self._until_ended()
            answered = 0.0 if self._ready_at is None else time.monotonic() - self._ready_at
            self._child = self._identity = None
            delay = self._backoff.next_delay(delay, answered)
            self._become(ProcessState.WAITING)
            await asyncio.sleep(delay)
            self._restarts += 1

    def _spawn(self) -> bool:
        environment = {**os.environ, **self.spec.environment, "SKYFLOW_HOME": str(self._home)}
        environment[STACK_VARIABLE] = self.spec.marker
        try:
            with _opened(self._log) as log:
                self._child = subprocess.Popen(
                    self.spec.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._home,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            logger.error("%s could not be started: %s", self.spec.name, error)
            return False
        self._identity = ProcessIdentity.of(self._child.pid)
        if self._identity is None:
            # Without an identity it would be forgotten, and run on beside the next one.
            self._child.kill()
            self._last_exit = self._child.wait()
            logger.error("%s could not be told from other processes: ended", self.spec.name)
            return False
        logger.info("%s started (pid %d)", self.spec.name, self._child.pid)
        self._become(ProcessState.STARTING)
        return True

    async def _until_ended(self) -> None:
        watch = asyncio.create_task(self._watch())
        try:
            await self._ended(None)
        finally:
            watch.cancel()
            await asyncio.wait([watch])
        logger.warning("%s ended (exit status %s)", self.spec.name, self._last_exit)

    async def _watch(self) -> None:
        await self._until_ready()
        self._ready_at = time.monotonic()
        self._become(ProcessState.READY)
        if self.spec.reacts is not None:
            await self._until_hanging(self.spec.reacts)
            logger.error("%s runs and does not react: killed", self.spec.name)
            if self._identity is not None:
                self._identity.send(signal.SIGKILL)

    async def _until_ready(self) -> None:
        while True:
            if await self._answers():
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _until_hanging(self, reacts: Callable[[], Awaitable[bool]]) -> None:
        missed = 0
        while missed < _HANGING_QUESTIONS:
            await asyncio.sleep(HANGING_SECONDS)
            missed = 0 if await reacts() else missed + 1

    async def _answers(self) -> bool:
        try:
            return self._identity is not None and await self.spec.ready(self._identity.pid)
        except Exception:
            # What a server answers is not in our hands; the supervisor outlives every answer.
            logger.exception("it cannot be told whether %s answers", self.spec.name)
            await asyncio.sleep(_FAILED_CHECK_SECONDS)
            return False

    async def _ended(self, seconds: float | None) -> bool:
        deadline = time.monotonic() + seconds if seconds is not None else None
        while self._running():
            if deadline is not None and time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    def _running(self) -> bool:
        if self._child is None:
            return self._identity is not None and self._identity.alive
        if self._child.poll() is None:
            return True
        self._last_exit = self._child.returncode
        return False

    def _become(self, state: ProcessState) -> None:
        if state is not self._state:
            self._state = state
        self._changed()


def _opened(log: Path) -> IO[bytes]:
    try:
        return log.open("ab")
    except OSError as error:
        # On a full disk it is better to run without a log than not at all.
        logger.error("%s cannot be written: %s", log, error)
        return Path(os.devnull).open("ab")
