"""Measures of a data plane of two processes are those of one, and lose nothing when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from lb.control.totals import Totals
from lb.reports import LoadQuestion
from skyflow.load import LoadReport
from tests.lb.plane import Served
from tests.lb.test_endpoint_sets import named
from tests.lb.test_handover import lives, served
from tests.lb.wire import ask, get, replica
from tests.processes import words_of
from tests.waiting import eventually

REQUESTS = 40
LONG = 50.0
TWO = ("data", "--processes", "2")


@pytest.fixture
async def service(home: Path) -> AsyncIterator[Served]:
    with ExitStack() as stack:
        async with replica(named(b"x")) as upstream, served(home, upstream, TWO, stack) as found:
            yield found[0]


async def send(service: Served) -> None:
    for _ in range(REQUESTS):
        await ask(service.port, get())


def ended(report: LoadReport) -> int:
    return report.total("demo", "i1").ended


async def test_each_process_counts_its_part_and_together_they_count_all(service: Served) -> None:
    await send(service)
    report = await eventually_all(service)
    parts = [load.services[0].ended for load in report.processes]
    assert len(parts) == 2
    assert min(parts) > 0
    assert (await service.api.services()).services[0].load.ended == REQUESTS


async def test_what_a_process_had_counted_is_not_lost_with_it(
    service: Served, tmp_path: Path
) -> None:
    totals = Totals(tmp_path / "counters.json")
    await send(service)
    await eventually_all(service)
    (before,) = await totals.after(await service.api.processes())
    lived = await lives(service.api)
    one_of_them().kill()

    async def another_one() -> bool:
        now = await lives(service.api)
        return len(now) == 2 and now != lived

    await eventually(another_one, what="another process answers")
    (after,) = await totals.after(await service.api.processes())
    assert before.requests == after.requests == {"": {}, "1": {"200": REQUESTS}}
    assert ended(await service.api.load(LoadQuestion())) < REQUESTS


async def test_a_request_at_any_process_wakes_whoever_waits(service: Served) -> None:
    await service.change(endpoints=())
    before = await service.api.load(LoadQuestion())
    question = LoadQuestion(after=before.cursor, wait=LONG)
    waiting = asyncio.create_task(service.api.load(question))
    await ask(service.port, get())
    async with asyncio.timeout(LONG / 2):
        after = await waiting
    assert after.since(before).total("demo", "i1").arrived == 1


async def eventually_all(service: Served) -> LoadReport:
    async def all_ended() -> LoadReport | None:
        report = await service.api.load(LoadQuestion())
        return report if ended(report) == REQUESTS else None

    return await eventually(all_ended) or LoadReport()


def one_of_them() -> psutil.Process:
    children = psutil.Process().children(recursive=True)
    return next(child for child in children if "--held" in words_of(child))
