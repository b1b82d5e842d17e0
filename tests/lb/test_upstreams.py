"""Where replicas may listen, and which connections to them are used again."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import pytest

from lb.data import upstream as upstreams
from lb.data.registry import Registry
from tests.lb.plane import Plane, plain
from tests.lb.test_limits import registry  # noqa: F401 - a fixture
from tests.lb.wire import OK, Replica, answering, ask, content, get, replica, status
from tests.waiting import eventually


async def test_a_replica_may_listen_on_a_unix_socket(plane: Plane, home: Path) -> None:
    running = Replica(answering(OK))
    path = home / "replica.sock"
    async with await asyncio.start_unix_server(running.handle, path):
        served = await plane.serve(f"unix:{path}")
        assert [content(await ask(served.port, get())) for _ in range(3)] == [b"ok"] * 3
        assert running.connections == 1
        await running.stop()


async def test_a_replica_may_have_an_ipv6_address(plane: Plane) -> None:
    heads: list[bytes] = []
    running = Replica(answering(OK, heads))
    async with await asyncio.start_server(running.handle, "::1", 0, family=socket.AF_INET6) as on:
        port = on.sockets[0].getsockname()[1]
        served = await plane.serve(f"http://[::1]:{port}")
        assert content(await ask(served.port, b"GET / HTTP/1.0\r\n\r\n")) == b"ok"
        assert f"Host: [::1]:{port}".encode() in heads[0]
        await running.stop()


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_replica_of_http_1_0_is_asked_on_a_new_connection_unless_it_says_otherwise(
    plane: Plane, version: bytes
) -> None:
    kept = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    plain_answer = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
    request = b"GET / HTTP/" + version + b"\r\nHost: test\r\nConnection: close\r\n\r\n"
    for answer, connections in ((kept, 1), (plain_answer, 3)):
        async with replica(answering(answer)) as upstream:
            served = await plane.serve(upstream.url)
            for _ in range(3):
                assert content(await ask(served.port, request)) == b"ok"
            assert upstream.connections == connections


async def test_a_post_goes_over_a_used_connection_once_those_were_seen_to_stay_open(
    registry: Registry,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upstreams, "WITNESS_SECONDS", 0.2)
    async with replica(answering(OK)) as upstream:
        served = await registry.apply(plain(upstream.url))

        async def used_again() -> bool:
            before = upstream.connections
            assert status(await ask(served.port, get(method="POST"))) == 200
            return upstream.connections == before

        assert not await used_again()
        assert not await used_again()
        await eventually(used_again)


async def test_a_post_never_goes_over_a_used_connection_to_a_replica_that_closes_them(
    registry: Registry,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upstreams, "WITNESS_SECONDS", 0.2)

    async def close_soon(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.sleep(0.05)

    async with replica(close_soon) as upstream:
        served = await registry.apply(plain(upstream.url))
        for number in range(1, 8):
            assert status(await ask(served.port, get(method="POST"))) == 200
            assert upstream.connections == number
            await asyncio.sleep(0.1)
