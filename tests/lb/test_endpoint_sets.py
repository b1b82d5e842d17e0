"""Changing what is served, without cutting what is in flight."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from typing import Any

import aiohttp
import pytest

from lb.control.data_plane import DataPlaneRefusal
from skyflow.state import Endpoint, QueueLimits
from tests.lb.plane import Plane, Served, endpoints
from tests.lb.test_upgrade import websocket_server
from tests.lb.wire import Handler, answering, ask, connection, content, get, replica, status
from tests.waiting import eventually


def named(name: bytes) -> Handler:
    return answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))


class Slow:
    """A replica that ends its answers when it is told to."""

    def __init__(self) -> None:
        self.finish = asyncio.Event()

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        await self.finish.wait()
        writer.write(b"def")


async def until_in_flight(served: Served, replica_id: int, number: int) -> None:
    async def reached() -> bool:
        return await served.in_flight(replica_id) == number

    await eventually(reached)


async def test_older_and_equal_sets_are_ignored_and_answered_with_what_is_in_force(
    plane: Plane,
) -> None:
    served = await plane.serve(generation=5)
    for generation in (4, 5):
        older = served.endpoints.model_copy(
            update={"generation": generation, "endpoints": endpoints("http://127.0.0.1:1")}
        )
        assert await plane.api.apply(older) == served.endpoints
    former = served.endpoints.model_copy(update={"generation": 99, "started_at": 1.0})
    assert await plane.api.apply(former) == served.endpoints


async def test_a_new_incarnation_takes_over_with_a_lower_generation(plane: Plane) -> None:
    async with replica(named(b"old")) as old, replica(named(b"new")) as new:
        served = await plane.serve(old.url, generation=9)
        async with connection(served.port) as (reader, writer):
            writer.write(get(close=False))
            assert (await reader.readuntil(b"old")).endswith(b"old")
            await served.change(
                endpoints=endpoints(new.url),
                generation=1,
                incarnation="next",
                started_at=served.endpoints.started_at + 1,
            )
            writer.write(get())
            assert content(await reader.read()) == b"new"
        assert (await served.replica()).requests == 1


async def test_a_removed_service_frees_its_port_and_stays_removed(plane: Plane) -> None:
    served = await plane.serve()
    before = served.endpoints
    async with connection(served.port) as (reader, _):
        await served.change(removed=True)
        assert await reader.read() == b""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", served.port))
    assert (await plane.api.apply(before)).removed
    assert before.service not in [found.service for found in (await plane.api.endpoint_sets()).sets]


async def test_a_taken_port_is_refused_and_changes_nothing(plane: Plane) -> None:
    served = await plane.serve()
    other = await plane.serve()
    with pytest.raises(DataPlaneRefusal, match="Address already in use") as refusal:
        await served.change(port=other.port)
    assert refusal.value.refused.error == "PortUnavailable"
    assert refusal.value.refused.port == other.port
    assert status(await ask(other.port, get())) == 503
    assert (await served.counters()).generation == 1


async def test_a_service_moves_to_another_port(plane: Plane) -> None:
    async with replica(named(b"x")) as upstream:
        served, other = await plane.serve(upstream.url), await plane.serve()
        old, new = served.port, other.port
        await other.change(removed=True)
        await served.change(port=new)
        assert content(await ask(new, get())) == b"x"
        with pytest.raises(ConnectionRefusedError):
            await ask(old, get())


@pytest.mark.parametrize(
    "changes",
    [
        {"port": 0},
        {"port": 70_000},
        {"load_balancing_policy": "sometimes"},
        {"retry": "maybe"},
        {"stream_timeout_seconds": 0},
        {"timeout_seconds": 0},
        {"max_concurrency": 0},
        {"queue": QueueLimits(max_requests=-1, max_wait_seconds=1)},
        {"queue": QueueLimits(max_requests=1, max_wait_seconds=0)},
        {"endpoints": endpoints("https://127.0.0.1:1")},
        {"endpoints": endpoints("http://u:p@127.0.0.1:1")},
        {"endpoints": endpoints("127.0.0.1:1")},
        {"draining": endpoints("http://127.0.0.1:99999")},
    ],
)
async def test_a_set_that_can_never_be_served_is_refused(
    plane: Plane, changes: dict[str, object]
) -> None:
    served = await plane.serve()
    before = served.endpoints
    with pytest.raises(DataPlaneRefusal) as refusal:
        await served.change(**changes)
    assert refusal.value.refused.error == "InvalidEndpointSet"
    served.endpoints = before.model_copy(update={"generation": 5})
    assert (await served.counters()).generation == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"service": 1}', b"\xff"])
async def test_nonsense_on_the_control_socket_is_refused(plane: Plane, body: bytes) -> None:
    path = str(plane.home / "balancer" / "control.sock")
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
        async with session.put("http://x/endpoints", data=body) as response:
            assert response.status == 422
        async with session.get("http://x/drain?service=a&replica_id=x") as response:
            assert response.status == 422


async def test_a_draining_replica_gets_nothing_new_and_finishes_what_it_has(plane: Plane) -> None:
    slow = Slow()
    async with replica(slow) as first, replica(named(b"second")) as second:
        served = await plane.serve(first.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\nabc")
            draining = Endpoint(replica_id=1, url=first.url)
            kept = Endpoint(replica_id=2, url=second.url)
            await served.change(endpoints=(kept,), draining=(draining,))
            for _ in range(3):
                assert content(await ask(served.port, get())) == b"second"
            drained = asyncio.create_task(plane.api.drain(served.endpoints.service, 1, 30))
            assert await served.in_flight(1) == 1
            slow.finish.set()
            assert await reader.read() == b"def"
            assert (await drained).remaining == 0


async def test_a_drain_ends_when_its_time_is_up(plane: Plane) -> None:
    async with replica(Slow()) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\nabc")
            name = served.endpoints.service
            assert (await plane.api.drain(name, 1, 0.1)).remaining == 1
            assert (await plane.api.drain(name, 2, 9)).remaining == 0
            assert (await plane.api.drain("unknown", 1, 9)).remaining == 0


@pytest.mark.parametrize("way", ["left", "removed", "new incarnation"])
async def test_a_stream_lives_on_when_its_replica_leaves(plane: Plane, way: str) -> None:
    slow = Slow()
    async with replica(slow) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get(close=False))
            await reader.readuntil(b"\r\nabc")
            later = served.endpoints.started_at + 1
            ways: dict[str, dict[str, Any]] = {
                "left": {"endpoints": ()},
                "removed": {"removed": True},
                "new incarnation": {"incarnation": "next", "started_at": later},
            }
            await served.change(**ways[way])
            if way != "new incarnation":
                name = served.endpoints.service
                assert (await plane.api.drain(name, 1, 0.1)).remaining == 1
            slow.finish.set()
            assert await reader.readexactly(3) == b"def"


async def test_a_websocket_lives_on_when_its_replica_leaves(plane: Plane) -> None:
    async with websocket_server() as url, aiohttp.ClientSession() as session:
        served = await plane.serve(url)
        async with session.ws_connect(f"{served.url}/ws") as open_socket:
            await served.change(endpoints=())
            await open_socket.send_str("still here")
            assert (await open_socket.receive()).data == "still here"
            assert await served.in_flight() == 1


async def test_a_replica_that_returns_keeps_its_counters(plane: Plane) -> None:
    async with replica(named(b"x")) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get())
        one = served.endpoints.endpoints
        await served.change(endpoints=(), draining=one)
        await served.change(endpoints=one, draining=())
        for _ in range(2):
            await ask(served.port, get())
        assert (await served.replica()).requests == 3
        assert upstream.connections == 2


async def test_requests_spread_over_replicas_as_the_policy_says(plane: Plane) -> None:
    slow = Slow()
    async with replica(slow) as busy, replica(named(b"free")) as free:
        served = await plane.serve(busy.url, free.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\nabc")
            for _ in range(4):
                assert content(await ask(served.port, get())) == b"free"
            slow.finish.set()
            await reader.read()


@pytest.mark.timeout(300)
async def test_a_thousand_changes_under_load_cost_no_error(plane: Plane) -> None:
    async with replica(named(b"1")) as first, replica(named(b"2")) as second:
        served = await plane.serve(first.url)
        codes: list[int] = []

        def enough() -> bool:
            return len(codes) >= 1000 and served.endpoints.generation > 1000

        async def load(session: aiohttp.ClientSession) -> None:
            while not enough():
                async with session.get(served.url) as response:
                    codes.append(response.status)

        async with aiohttp.ClientSession() as session:
            tasks = [asyncio.create_task(load(session)) for _ in range(4)]
            while not enough():
                both = [
                    Endpoint(replica_id=1, url=first.url),
                    Endpoint(replica_id=2, url=second.url),
                ]
                kept = both[served.endpoints.generation % 2]
                await served.change(endpoints=(kept,))
            await asyncio.gather(*tasks)
        assert set(codes) == {200}
