"""The supervisor of the embedded stack: one process per installation that keeps the others running.

It is replaceable: killed, it leaves its processes as they are, and the next one takes them over.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
from importlib.metadata import version
from pathlib import Path
from typing import IO

from skyflow.config import Settings
from skyflow.processes import ProcessIdentity, StackMember, end_processes, find_stack_members
from skyflow.stack_state import (
    LOOPBACK,
    SUPERVISOR,
    StackPorts,
    StackState,
    lock_path,
    log_path,
    make_directories,
    read_state,
    write_state,
)
from skyflow.temporal import external_address
from worker import logs
from worker.ports import choose_ports
from worker.process import ProcessSpec, SupervisedProcess
from worker.table import Table, stack_table

logger = logging.getLogger(__name__)

ALREADY_RUNNING = 75
"""Exit status of a supervisor that found another one at work (EX_TEMPFAIL of sysexits.h)."""

_HOUSEKEEPING_SECONDS = 1.0
_TAKEOVER_GRACE_SECONDS = 5.0
_HANDOVER_SECONDS = 20.0
"""Time for a process to take over from one of its name; an earlier version cannot hand over."""


async def supervise(settings: Settings, bind: str = LOOPBACK, table: Table = stack_table) -> int:
    """Run the stack until SIGTERM; return the exit status.

    Raises:
        StackError: The stack cannot be started as it is installed.
        UsageError: Temporal's configuration cannot be read.

    """
    make_directories(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    lock = _take_lock(lock_path(settings))
    if lock is None:
        logger.info("another supervisor is at work")
        return ALREADY_RUNNING
    with lock:
        await Supervisor(settings, bind, table).run()
    return 0


class Supervisor:
    """Keeps the processes of a table running."""

    def __init__(self, settings: Settings, bind: str, table: Table) -> None:
        self._settings = settings
        self._table = table
        self._processes: list[SupervisedProcess] = []
        self._handovers: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._unwritten = False
        """Whether the state on disk is an older one, because it could not be replaced."""
        self._running = find_stack_members(settings.home)
        before = read_state(settings)
        ports = before.ports if before else None
        held = _held_ports(ports, self._running) if ports else ()
        self._state = StackState(
            supervisor=ProcessIdentity.of(os.getpid()),
            version=version("skyflow"),
            ports=choose_ports(ports, held),
            bind=bind,
            external=external_address(),
            bucket_url=settings.bucket_url,
        )

    async def run(self) -> None:
        """Start what does not run yet, keep all of it running until told to stop, then end it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        self._publish()
        logger.info("supervising the stack of %s", self._settings.home)
        await self._start()
        await self._keep_house()
        await self._end()

    async def _start(self) -> None:
        specs = self._table(self._settings, self._state)
        kept = {member.name: member for member in self._running if _is_wanted(member, specs)}
        strangers = [member for member in self._running if member not in kept.values()]
        earlier = _replaced(strangers, specs)
        ended = [each.identity for each in strangers if each.name not in earlier]
        await end_processes(ended, _TAKEOVER_GRACE_SECONDS)
        for spec in specs:
            member = kept.get(spec.name)
            self._processes.append(self._supervised(spec, member.identity if member else None))
        # The one that the others depend on is last in the table, and gets its head start.
        for process in reversed(self._processes):
            process.start()
            if replaced := earlier.get(process.spec.name):
                self._handovers.append(asyncio.create_task(_handed_over(process, replaced)))
        self._publish()

    def _supervised(self, spec: ProcessSpec, adopted: ProcessIdentity | None) -> SupervisedProcess:
        log = log_path(self._settings, spec.name)
        return SupervisedProcess(spec, self._settings.home, log, self._publish, adopted)

    async def _keep_house(self) -> None:
        lock = os.stat(lock_path(self._settings))  # noqa: PTH116
        while not self._stop.is_set():
            if not _is_at(lock_path(self._settings), lock):
                logger.warning("the installation's directory is gone: ending its stack")
                return
            self._rotate_logs()
            if self._unwritten:
                self._publish()
            try:
                async with asyncio.timeout(_HOUSEKEEPING_SECONDS):
                    await self._stop.wait()
            except TimeoutError:
                continue

    def _rotate_logs(self) -> None:
        for name in (SUPERVISOR, *(process.spec.name for process in self._processes)):
            try:
                logs.rotate(log_path(self._settings, name))
            except OSError as error:
                logger.warning("the log of %s could not be rotated: %s", name, error)

    async def _end(self) -> None:
        logger.info("ending the stack")
        self._state = self._state.model_copy(update={"stopping": True})
        self._publish()
        for handover in self._handovers:
            handover.cancel()
        for process in self._processes:
            await process.stop()
        self._state = self._state.model_copy(update={"supervisor": None, "bind": LOOPBACK})
        self._publish()
        logger.info("the stack has ended")

    def _publish(self) -> None:
        records = tuple(process.record for process in self._processes)
        self._state = self._state.model_copy(update={"processes": records})
        try:
            write_state(self._settings, self._state)
        except OSError as error:
            if not self._unwritten:
                logger.warning("the stack's state could not be written: %s", error)
            self._unwritten = True
        else:
            self._unwritten = False


def _replaced(
    strangers: list[StackMember], specs: tuple[ProcessSpec, ...]
) -> dict[str, list[ProcessIdentity]]:
    """Return the processes that others take over from, by their name."""
    found: dict[str, list[ProcessIdentity]] = {}
    for member in strangers:
        if any(spec.name == member.name and spec.takes_over for spec in specs):
            found.setdefault(member.name, []).append(member.identity)
    return found


async def _handed_over(process: SupervisedProcess, earlier: list[ProcessIdentity]) -> None:
    """Let earlier processes leave in their own time, unless they keep this one from its work."""
    if not await process.ready(_HANDOVER_SECONDS):
        logger.warning("%s cannot take over: what runs of it is ended", process.spec.name)
        await end_processes(earlier, _TAKEOVER_GRACE_SECONDS)


def _take_lock(path: Path) -> IO[str] | None:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _held_ports(ports: StackPorts, running: list[StackMember]) -> set[int]:
    names = {member.name for member in running}
    temporal = {ports.temporal, ports.ui} if "temporal" in names else set[int]()
    return temporal | ({ports.admin} if "lb-control" in names else set())


def _is_wanted(member: StackMember, specs: tuple[ProcessSpec, ...]) -> bool:
    return any(
        spec.name == member.name and spec.fingerprint == member.fingerprint for spec in specs
    )


def _is_at(path: Path, expected: os.stat_result) -> bool:
    """Return whether a file is where it was; a disk that does not say is no reason to think not."""
    try:
        return os.path.samestat(path.stat(), expected)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
