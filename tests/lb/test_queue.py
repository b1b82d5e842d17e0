"""Requests that wait for a replica, and those that find no place to wait."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from lb.data.counters import service_counters
from lb.data.endpoints import QueueLimits
from lb.reports import ServiceCounters
from tests.lb.in_process import Served, serving
from tests.lb.test_retries import echo
from tests.lb.wire import OK, answering, ask, connection, content, fields, get, replica, status
from tests.waiting import eventually

PATIENT = QueueLimits(max_requests=100, max_wait_seconds=60)


class Busy:
    """A replica that answers a request each time it is told to."""

    def __init__(self) -> None:
        self.paths: list[bytes] = []
        self.running = 0
        self.most = 0
        self._places = asyncio.Semaphore(0)

    def finish(self, number: int = 1) -> None:
        for _ in range(number):
            self._places.release()

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.paths.append(head.split()[1])
            self.running += 1
            self.most = max(self.most, self.running)
            await self._places.acquire()
            self.running -= 1
            writer.write(OK)


async def waiting(served: Served, number: int) -> None:
    await eventually(lambda: len(served.service.admission) == number, what=f"{number} wait")


async def test_requests_wait_until_a_replica_comes(tmp_path: Path) -> None:
    async with serving(tmp_path, queue=PATIENT) as served, replica(echo) as upstream:
        post = get("/", "Content-Length: 5", method="POST") + b"hello"
        asked = [asyncio.create_task(ask(served.port, post)) for _ in range(5)]
        await waiting(served, 5)
        assert served.service.admission.bytes == 25
        load = ServiceCounters.model_validate(service_counters(served.service, listening=True)).load
        assert (load.queued, load.oldest_wait_seconds > 0) == (5, True)
        await served.change(upstream.url)
        assert [content(await task) for task in asked] == [b"hello"] * 5
        assert (len(served.service.admission), served.service.admission.bytes) == (0, 0)


async def test_a_client_that_goes_frees_its_place(tmp_path: Path) -> None:
    async with serving(tmp_path, queue=QueueLimits(1, 60)) as served:
        async with connection(served.port) as (_, writer):
            writer.write(get())
            await waiting(served, 1)
        await waiting(served, 0)
        asked = asyncio.create_task(ask(served.port, get()))
        await waiting(served, 1)
        await served.change(removed=True)
        assert status(await asked) == 503


async def test_nobody_waits_longer_than_allowed(tmp_path: Path) -> None:
    async with serving(tmp_path, queue=QueueLimits(10, 0.05)) as served:
        got = await ask(served.port, get())
        assert (status(got), b"NoReplicaReady" in got) == (503, True)
        assert b"Retry-After: 5" in fields(got)


async def test_one_beyond_the_bound_is_refused_at_once(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, queue=QueueLimits(1, 60)) as served,
        connection(served.port) as (_, writer),
    ):
        writer.write(get())
        await waiting(served, 1)
        assert status(await ask(served.port, get())) == 503


@pytest.mark.parametrize("queue", [None, QueueLimits(0, 60), QueueLimits(10, 0.05)])
async def test_when_all_are_busy_the_client_is_told_so(
    tmp_path: Path, queue: QueueLimits | None
) -> None:
    busy = Busy()
    async with (
        replica(busy) as upstream,
        serving(tmp_path, upstream.url, max_concurrency=1, queue=queue) as served,
    ):
        first = asyncio.create_task(ask(served.port, get()))
        await eventually(lambda: busy.running == 1)
        async with connection(served.port) as (reader, writer):
            writer.write(get(close=False))
            head = await reader.readuntil(b"\r\n\r\n")
            assert status(head) == 429
            assert b"Retry-After: 5" in fields(head)
            assert b"AllReplicasBusy" in await reader.readuntil(b"}\n")
            busy.finish(2)
            assert content(await first) == b"ok"
            writer.write(get())
            assert content(await reader.read()) == b"ok"


async def test_first_come_first_served(tmp_path: Path) -> None:
    busy = Busy()
    async with (
        replica(busy) as upstream,
        serving(tmp_path, upstream.url, max_concurrency=1, queue=PATIENT) as served,
    ):
        asked = []
        for number in range(6):
            asked.append(asyncio.create_task(ask(served.port, get(f"/{number}"))))
            await eventually(lambda: busy.running == 1)
            await waiting(served, number)
        busy.finish(6)
        assert {status(await task) for task in asked} == {200}
        assert busy.paths == [b"/%d" % number for number in range(6)]


async def test_no_replica_has_more_than_it_may(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        handlers = [Busy() for _ in range(3)]
        found = [await stack.enter_async_context(replica(handler)) for handler in handlers]
        urls = [upstream.url for upstream in found]
        served = await stack.enter_async_context(
            serving(tmp_path, *urls, max_concurrency=4, queue=PATIENT)
        )
        asked = [asyncio.create_task(ask(served.port, get())) for _ in range(60)]
        await waiting(served, 48)
        await eventually(lambda: [handler.running for handler in handlers] == [4, 4, 4])
        for handler in handlers:
            handler.finish(60)
        assert {status(await task) for task in asked} == {200}
        assert [handler.most for handler in handlers] == [4, 4, 4]
        assert {upstream.in_flight for upstream in served.service.ready} == {0}


async def test_a_higher_limit_lets_those_that_wait_go_on(tmp_path: Path) -> None:
    busy = Busy()
    async with (
        replica(busy) as upstream,
        serving(tmp_path, upstream.url, max_concurrency=1, queue=PATIENT) as served,
    ):
        asked = [asyncio.create_task(ask(served.port, get())) for _ in range(5)]
        await waiting(served, 4)
        await served.change(upstream.url, max_concurrency=3)
        await eventually(lambda: busy.running == 3)
        await served.change(upstream.url, max_concurrency=None)
        await eventually(lambda: busy.running == 5)
        busy.finish(5)
        assert {status(await task) for task in asked} == {200}


async def test_a_request_whose_replica_dies_waits_for_another(tmp_path: Path) -> None:
    die = asyncio.Event()
    busy = Busy()

    async def dies(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await die.wait()

    async with (
        replica(dies) as bad,
        replica(busy) as good,
        serving(tmp_path, bad.url, good.url, max_concurrency=1, queue=PATIENT) as served,
    ):
        asked = [asyncio.create_task(ask(served.port, get())) for _ in range(2)]
        await eventually(lambda: bad.connections and busy.running)
        die.set()
        await waiting(served, 1)
        busy.finish(2)
        assert [content(await task) for task in asked] == [b"ok", b"ok"]


async def test_a_replica_that_can_be_reached_again_takes_those_that_wait(tmp_path: Path) -> None:
    busy = Busy()
    async with (
        replica(busy) as one,
        replica(answering(OK)) as other,
        serving(tmp_path, one.url, other.url, max_concurrency=1, queue=PATIENT) as served,
    ):
        found = served.service.ready[1]
        served.service.unreachable(found)
        asked = [asyncio.create_task(ask(served.port, get())) for _ in range(3)]
        await waiting(served, 2)
        served.service.reached(found)
        await waiting(served, 0)
        busy.finish(3)
        assert {status(await task) for task in asked} == {200}
