"""All fault runs of the tests, begun at once: most of their time is waiting for time-outs.

Only what measures how long activities wait comes after them: a thousand watches are work for
Temporal, which the others share.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.deaths import seconds_until_moved
from tests.faults.fake_stack import FakeStack
from tests.faults.interruption import Interruption
from tests.faults.interruption import interrupted as left_in_time
from tests.faults.outage import Outage, temporal_goes_away
from tests.faults.run import Outcome
from tests.faults.scenario import covering, scenario
from tests.faults.slots import Job, Slots, temporal_server
from tests.faults.temporal_server import TemporalServer
from tests.faults.watches import waits_while_watches_are_open

SEEDS = covering(20)
SLOTS = 6
Runs = dict[int, asyncio.Future[Outcome]]
Begun = Mapping[str, asyncio.Task[Any]]


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[TemporalServer]:
    async with temporal_server() as server:
        yield server


@pytest.fixture(scope="session")
async def begun(
    request: pytest.FixtureRequest,
    temporal: TemporalServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Begun]:
    """Begin with everything that any of the tests to be run waits for."""
    asked_for = {name for item in request.session.items for name in item.fixturenames}  # type: ignore[attr-defined]
    work: dict[str, Callable[[], Awaitable[Any]]] = {
        "told_to_end": lambda: _moved(temporal, 101, signal.SIGTERM),
        "killed": lambda: _moved(temporal, 102, signal.SIGKILL),
        "away": lambda: _away(104),
        "interrupted": lambda: _interrupted(temporal, 105),
        "runs": lambda: _carry_out(temporal, _OUTCOMES, tmp_path_factory.mktemp("failed-runs")),
    }
    _OUTCOMES.update((seed, asyncio.get_running_loop().create_future()) for seed in SEEDS)
    tasks = {name: asyncio.ensure_future(work[name]()) for name in work if name in asked_for}
    if "starved" in asked_for:
        tasks["starved"] = asyncio.ensure_future(_starved(temporal, 103, after=[*tasks.values()]))
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.fixture(scope="session")
def runs(begun: Begun) -> Runs:
    """Return the outcome of each seed, which may take a while to be there."""
    begun["runs"].add_done_callback(_give_up)
    return _OUTCOMES


@pytest.fixture(scope="session")
def told_to_end(begun: Begun) -> Awaitable[dict[str, float]]:
    return begun["told_to_end"]


@pytest.fixture(scope="session")
def killed(begun: Begun) -> Awaitable[dict[str, float]]:
    return begun["killed"]


@pytest.fixture(scope="session")
def starved(begun: Begun) -> Awaitable[dict[str, float]]:
    return begun["starved"]


@pytest.fixture(scope="session")
def away(begun: Begun) -> Awaitable[Outage]:
    return begun["away"]


@pytest.fixture(scope="session")
def interrupted(begun: Begun) -> Awaitable[Interruption]:
    return begun["interrupted"]


_OUTCOMES: Runs = {}


async def _moved(server: TemporalServer, number: int, kind: signal.Signals) -> dict[str, float]:
    async with _on_a_stack(server, number, workers=1) as stack:
        return await seconds_until_moved(stack, kind)


async def _starved(
    server: TemporalServer, number: int, after: Sequence[asyncio.Task[Any]]
) -> dict[str, float]:
    await asyncio.gather(*after, return_exceptions=True)
    async with _on_a_stack(server, number) as stack:
        return await waits_while_watches_are_open(stack)


async def _away(number: int) -> Outage:
    async with temporal_server() as server, _on_a_stack(server, number) as stack:
        return await temporal_goes_away(stack, server)


async def _interrupted(server: TemporalServer, number: int) -> Interruption:
    async with _on_a_stack(server, number) as stack:
        return await left_in_time(stack)


async def _carry_out(server: TemporalServer, outcomes: Runs, kept: Path) -> None:
    def done(job: Job, outcome: Outcome) -> None:
        outcomes[job.scenario.seed].set_result(outcome)

    jobs = [Job(scenario(seed), whole=False) for seed in SEEDS]
    await Slots(server, kept, done).work(jobs, SLOTS, until=time.monotonic() + 600)


def _give_up(work: asyncio.Task[None]) -> None:
    """Tell those who wait for a run that will never be."""
    reason = None if work.cancelled() else work.exception()
    for outcome in _OUTCOMES.values():
        if not outcome.done():
            outcome.set_exception(reason or AssertionError("the runs were broken off"))
            outcome.exception()


@asynccontextmanager
async def _on_a_stack(
    server: TemporalServer, number: int, workers: int = 2
) -> AsyncIterator[FakeStack]:
    home, bind = server.home / str(number), f"127.0.1.{number}"
    stack = FakeStack(home, bind, server.address, server.namespace(), workers)
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()
