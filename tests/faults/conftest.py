"""All fault runs of the tests, begun at once: most of their time is waiting for time-outs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.faults.run import Outcome
from tests.faults.scenario import covering, scenario
from tests.faults.slots import Job, Slots, temporal_server
from tests.faults.temporal_server import TemporalServer

SEEDS = covering(20)
SLOTS = 6
Runs = dict[int, asyncio.Future[Outcome]]


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[TemporalServer]:
    async with temporal_server() as server:
        yield server


@pytest.fixture(scope="session")
async def runs(
    temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runs]:
    """Return the outcome of each seed, which may take a while to be there."""
    outcomes: Runs = {seed: asyncio.get_running_loop().create_future() for seed in SEEDS}

    def done(job: Job, outcome: Outcome) -> None:
        outcomes[job.scenario.seed].set_result(outcome)

    slots = Slots(temporal, tmp_path_factory.mktemp("failed-runs"), done)
    jobs = [Job(scenario(seed), whole=False) for seed in SEEDS]
    work = asyncio.create_task(slots.work(jobs, SLOTS, until=time.monotonic() + 600))
    work.add_done_callback(lambda ended: _give_up(ended, outcomes))
    yield outcomes
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


def _give_up(work: asyncio.Task[None], outcomes: Runs) -> None:
    """Tell those who wait for a run that will never be."""
    reason = None if work.cancelled() else work.exception()
    for outcome in outcomes.values():
        if not outcome.done():
            outcome.set_exception(reason or AssertionError("the runs were broken off"))
            outcome.exception()
