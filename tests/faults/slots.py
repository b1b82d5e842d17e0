"""Several installations at once, each of which carries out one run after the other."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.faults.fake_stack import FakeStack
from tests.faults.run import Outcome, run
from tests.faults.scenario import Scenario
from tests.faults.stack import Stack
from tests.faults.temporal_server import TemporalServer
from tests.faults.whole_stack import WholeStack


@dataclass
class Job:
    """One run that is to be carried out."""

    scenario: Scenario
    whole: bool


@dataclass
class Slots:
    """Slots that take jobs from two queues: for stacks with a shared Temporal, and whole ones."""

    server: TemporalServer
    """Has a namespace for each slot, and some to spare."""
    kept: Path | None
    """Directory for what is known of runs that failed; None to keep nothing."""
    done: Callable[[Job, Outcome], None]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def work(self, jobs: Iterable[Job], slots: int, until: float) -> None:
        """Carry out jobs.

        Args:
            jobs: What to do.
            slots: How many runs at once.
            until: Time (monotonic, seconds) after which none is begun.

        """
        fake = iter([job for job in jobs if not job.whole])
        whole = iter([job for job in jobs if job.whole])

        def shared(home: Path, bind: str) -> Stack:
            return FakeStack(home, bind, self.server.address, self.server.namespace())

        async with asyncio.TaskGroup() as group:
            for number in range(slots):
                # The whole stacks come one after the other: each is as heavy as three others.
                queue, make = (whole, WholeStack) if number == 0 else (fake, shared)
                group.create_task(self._slot(queue, make, until, then=(fake, shared)))

    async def _slot(
        self,
        queue: Iterator[Job],
        make: Callable[[Path, str], Stack],
        until: float,
        then: tuple[Iterator[Job], Callable[[Path, str], Stack]],
    ) -> None:
        for jobs, stacks in dict.fromkeys([(queue, make), then]):
            while time.monotonic() < until and (job := next(jobs, None)):
                await self._use(stacks, job, jobs, until)

    async def _use(
        self,
        make: Callable[[Path, str], Stack],
        first: Job,
        jobs: Iterator[Job],
        until: float,
    ) -> None:
        """Carry out runs on one stack until one of them fails: after that another is begun with."""
        job: Job | None = first
        try:
            async with self._stack(make) as stack:
                while job:
                    passed = await self._carry_out(stack, job)
                    job = next(jobs, None) if passed and time.monotonic() < until else None
        except Exception as error:  # of the stack: what goes wrong in a run is in its outcome
            logging.exception("a stack could not be started or ended")
            if job:
                self.done(job, Outcome(job.scenario, [f"the stack: {error!r}"]))

    @asynccontextmanager
    async def _stack(self, make: Callable[[Path, str], Stack]) -> AsyncIterator[Stack]:
        number = next(self._numbers)
        # Addresses of their own, so that no slot's balancer takes another's port while it is dead.
        stack = make(self.server.home / str(number), self._address(number))
        try:
            await stack.start()
            yield stack
        finally:
            await stack.stop()

    def _address(self, number: int) -> str:
        """Return an address of the loopback interface, apart from those of other servers' slots."""
        port = int(self.server.address.rpartition(":")[2])
        return f"127.{1 + port % 250}.{port // 250 % 250}.{number}"

    async def _carry_out(self, stack: Stack, job: Job) -> bool:
        """Return whether nothing went wrong."""
        outcome = await run(stack, job.scenario)
        if outcome.problems and self.kept:
            await asyncio.to_thread(_keep, stack, outcome, self.kept / f"seed-{job.scenario.seed}")
        self.done(job, outcome)
        return not outcome.problems


@asynccontextmanager
async def temporal_server() -> AsyncIterator[TemporalServer]:
    """Run a server; its directory has a path short enough for Unix sockets below it."""
    home = Path(tempfile.mkdtemp(prefix="sf", dir="/tmp"))
    server = TemporalServer(home)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _keep(stack: Stack, outcome: Outcome, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for logs in (stack.logs, stack.settings.stack / "logs"):
        if logs.exists():
            shutil.copytree(logs, place, dirs_exist_ok=True)
    ledger = stack.cloud.ledger.path
    if ledger.exists():
        shutil.copy(ledger, place)
    for number, history in enumerate(outcome.record.histories):
        name = history.workflow_id.replace("/", "-")
        (place / f"{number:02}-{name}.json").write_text(json.dumps(history.to_json_dict()))
    (place / "problems.txt").write_text("\n".join(map(str, outcome.problems)) + "\n")
