"""Each policy, with real replicas."""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest

from lb.control.data_plane import DataPlaneRefusal
from skyflow.state import Endpoint
from tests.lb.plane import Plane, Served
from tests.lb.wire import OK, answering, ask, connection, get, replica, status
from tests.waiting import eventually


class Slow:
    """A replica that answers when it is told to, and counts who waits."""

    def __init__(self) -> None:
        self.finish = asyncio.Event()
        self.waiting = 0

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.waiting += 1
        await self.finish.wait()
        writer.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))


async def whole(reader: StreamReader, writer: StreamWriter) -> None:
    """Answer each request once all of it has come."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
        writer.write(OK)


@asynccontextmanager
async def balanced(
    plane: Plane, policy: str, handlers: Sequence[Any], **options: Any
) -> AsyncIterator[Served]:
    """Serve replicas with such handlers; `weights` and `capacities` are by replica."""
    weights = options.pop("weights", (1,) * len(handlers))
    capacities = options.pop("capacities", (1,) * len(handlers))
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(replica(handler)) for handler in handlers]
        found = tuple(
            Endpoint(replica_id=number, url=each.url, weight=weight, capacity=capacity)
            for number, (each, weight, capacity) in enumerate(
                zip(running, weights, capacities, strict=True), 1
            )
        )
        yield await plane.serve(endpoints=found, load_balancing_policy=policy, **options)


async def counts(served: Served) -> dict[int, int]:
    return {each.replica_id: each.requests for each in (await served.counters()).replicas}


async def ask_often(served: Served, requests: Sequence[bytes]) -> None:
    async with connection(served.port) as (reader, writer):
        for request in requests:
            writer.write(request)
            assert status(await reader.readuntil(b"\r\n\r\nok")) == 200


def prompt(beginning: str, question: str, *lines: str) -> bytes:
    messages = [{"role": "system", "content": beginning}, {"role": "user", "content": question}]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    return get("/v1", f"Content-Length: {len(body)}", *lines, method="POST", close=False) + body


@asynccontextmanager
async def held(
    served: Served, slow: Sequence[Slow], requests: Sequence[bytes]
) -> AsyncIterator[list[int]]:
    """Have requests wait at replicas, one after the other."""
    asked = []
    for number, request in enumerate(requests, 1):
        asked.append(asyncio.create_task(ask(served.port, request)))
        await eventually(partial(are_waiting, slow, number))
    yield [each.waiting for each in slow]
    for each in slow:
        each.finish.set()
    assert [status(got) for got in await asyncio.gather(*asked)] == [200] * len(requests)


def are_waiting(slow: Sequence[Slow], number: int) -> bool:
    return sum(each.waiting for each in slow) == number


@pytest.mark.parametrize("policy", ["least_load", "round_robin", "prefix_affinity"])
async def test_two_hundred_requests_are_parted_by_weight(plane: Plane, policy: str) -> None:
    handlers = [answering(OK)] * 3
    async with balanced(plane, policy, handlers, weights=(80, 15, 5)) as served:
        await ask_often(served, [get(close=False)] * 200)
        assert await counts(served) == {1: 160, 2: 30, 3: 10}


async def test_weights_change_without_a_new_replica(plane: Plane) -> None:
    async with balanced(plane, "round_robin", [answering(OK)] * 2) as served:
        await ask_often(served, [get(close=False)] * 20)
        first, second = served.endpoints.endpoints
        changed = (first.model_copy(update={"weight": 0}), second)
        await served.change(endpoints=changed)
        await ask_often(served, [get(close=False)] * 20)
        assert await counts(served) == {1: 10, 2: 30}


async def test_requests_in_flight_are_parted_by_capacity(plane: Plane) -> None:
    slow = [Slow(), Slow()]
    policy = "instance_aware_least_load"
    async with (
        balanced(plane, policy, slow, capacities=(0.5, 1.5)) as served,
        held(served, slow, [get()] * 8) as waiting,
    ):
        assert waiting == [2, 6]


async def test_least_load_evens_out_requests_in_flight(plane: Plane) -> None:
    slow = [Slow(), Slow(), Slow()]
    async with (
        balanced(plane, "least_load", slow) as served,
        held(served, slow, [get()] * 9) as waiting,
    ):
        assert waiting == [3, 3, 3]


async def test_round_robin_takes_turns(plane: Plane) -> None:
    async with balanced(plane, "round_robin", [answering(OK)] * 3) as served:
        await ask_often(served, [get(close=False)] * 30)
        assert await counts(served) == {1: 10, 2: 10, 3: 10}


async def test_prompts_that_begin_alike_reach_the_same_replica(plane: Plane) -> None:
    async with balanced(plane, "prefix_affinity", [whole] * 4) as served:
        for document in ("red", "green", "blue"):
            before = await counts(served)
            asked = [prompt(f"{document} " * 60, f"question {n}") for n in range(10)]
            await ask_often(served, asked)
            after = await counts(served)
            assert sorted(after[n] - before[n] for n in after) == [0, 0, 0, 10]


async def test_a_prompt_that_comes_in_pieces_is_waited_for(plane: Plane) -> None:
    async with balanced(plane, "prefix_affinity", [whole] * 4) as served:
        asked = prompt("a long document " * 60, "why?")
        head, _, body = asked.partition(b"\r\n\r\n")
        await ask_often(served, [asked])
        async with connection(served.port) as (reader, writer):
            for _ in range(5):
                writer.write(head + b"\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
                writer.write(body)
                assert status(await reader.readuntil(b"\r\n\r\nok")) == 200
        assert sorted((await counts(served)).values()) == [0, 0, 0, 6]


async def test_chunked_prompts_and_others_reach_the_same_replica(plane: Plane) -> None:
    async def chunks(reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"chunked" in head:
                await reader.readuntil(b"0\r\n\r\n")
            else:
                length = head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
            writer.write(OK)

    async with balanced(plane, "prefix_affinity", [chunks] * 4) as served:
        asked = prompt("a document " * 60, "why?")
        body = asked.partition(b"\r\n\r\n")[2]
        parts = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100], body[100:]))
        head = get("/v1", "Transfer-Encoding: chunked", method="POST", close=False)
        await ask_often(served, [asked, head + parts + b"0\r\n\r\n"] * 3)
        assert sorted((await counts(served)).values()) == [0, 0, 0, 6]


async def test_sessions_stick_to_their_replicas(plane: Plane) -> None:
    options = {"session_header": "X-Session-ID"}
    async with balanced(plane, "prefix_affinity", [answering(OK)] * 3, **options) as served:
        used: Counter[int] = Counter()
        for session in range(12):
            before = await counts(served)
            await ask_often(served, [get(f"/{n}", f"x-session-id: {session}", close=False)
                                     for n in range(5)])  # fmt: skip
            after = await counts(served)
            (home,) = [number for number in after if after[number] - before[number] == 5]
            used[home] += 1
        assert set(used) == {1, 2, 3}


async def test_a_replica_with_too_much_to_do_is_left(plane: Plane) -> None:
    slow = [Slow(), Slow(), Slow()]
    async with balanced(plane, "prefix_affinity", slow, session_header="X-Session") as served:
        asked = [get("/", "X-Session: one")] * 18
        async with held(served, slow, asked) as waiting:
            assert max(waiting) <= 8
            assert min(waiting) >= 2


async def test_a_replica_that_joins_gets_its_share_little_by_little(plane: Plane) -> None:
    handlers = [answering(OK)] * 2
    async with balanced(plane, "round_robin", handlers, slow_start_seconds=0.5) as served:
        both = served.endpoints.endpoints

        async def share_of_second() -> int:
            before = (await counts(served))[2]
            await ask_often(served, [get(close=False)] * 20)
            return (await counts(served))[2] - before

        async def gets_less_at_first() -> bool:
            await served.change(endpoints=both[:1])
            await asyncio.sleep(0.6)
            await served.change(endpoints=both)
            return await share_of_second() < 8

        async def gets_as_much() -> bool:
            return await share_of_second() == 10

        await eventually(gets_less_at_first)
        await eventually(gets_as_much)


@pytest.mark.parametrize(
    "wrong",
    [
        {"slow_start_seconds": -1},
        {"prefix_bytes": 0},
        {"prefix_bytes": 100_000},
        {"endpoints": (Endpoint(replica_id=1, url="http://127.0.0.1:1", weight=-1),)},
        {"endpoints": (Endpoint(replica_id=1, url="http://127.0.0.1:1", capacity=0),)},
    ],
)
async def test_what_cannot_be_balanced_is_refused(plane: Plane, wrong: dict[str, Any]) -> None:
    with pytest.raises(DataPlaneRefusal) as refusal:
        await plane.serve(**wrong)
    assert refusal.value.refused.error == "InvalidEndpointSet"
