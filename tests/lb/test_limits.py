"""What the balancer waits for, and for how long; in this process, so that limits can be short."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lb.data import access_log, client, service, upstream
from lb.data.access_log import AccessLogs
from lb.data.doubts import Doubts
from lb.data.endpoint_files import EndpointFiles
from lb.data.endpoints import Endpoint, EndpointSet
from lb.data.record import unreadable
from lb.data.registry import Registry
from lb.data.sockets import OwnSockets
from tests.lb.plane import plain
from tests.lb.test_endpoint_sets import Slow, named
from tests.lb.wire import ask, connection, content, get, replica, status


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    logs = AccessLogs(tmp_path / "access")
    sockets = OwnSockets("127.0.0.1")
    running = Registry(sockets, EndpointFiles(tmp_path / "endpoints"), logs)
    yield running
    running.close()
    running.abort()
    await running.finished()
    await logs.close()
    sockets.let_go()


async def test_an_unfinished_head_times_out(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "HEAD_SECONDS", 0.2)
    served = await registry.apply(plain())
    assert status(await ask(served.port, b"GET / HTTP/1.1\r\nHost: ")) == 408


async def test_an_unused_connection_is_closed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "IDLE_SECONDS", 0.2)
    served = await registry.apply(plain())
    assert await ask(served.port, b"") == b""
    got = await ask(served.port, get(close=False))
    assert status(got) == 503


async def test_a_replica_that_does_not_accept_in_time_costs_no_error(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "CONNECT_SECONDS", 0.2)
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # One connection that nobody accepts fills the queue: the kernel drops all others.
        filler.connect(full.getsockname())
        stuck = f"http://127.0.0.1:{full.getsockname()[1]}"
        async with replica(named(b"x")) as other:
            served = await registry.apply(plain(stuck, other.url))
            for _ in range(4):
                assert content(await ask(served.port, get(method="POST"))) == b"x"
    (slot,) = registry.slots()
    assert [found.requests for found in slot.service.ready] == [1, 4]


async def test_all_connections_can_be_ended_at_once(registry: Registry) -> None:
    async with replica(Slow()) as slow:
        served = await registry.apply(plain(slow.url))
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\nabc")
            registry.close()
            registry.abort()
            async with asyncio.timeout(5):
                await registry.finished()
            assert await reader.read() == b""


async def test_replicas_that_left_long_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "REMEMBERED", 2)
    served = new_service()
    for number in range(5):
        _serve_one_request(served, number)
    assert _requests_after_return(served, 3) == 1
    assert _requests_after_return(served, 0) == 0


async def test_a_replica_with_a_request_in_flight_is_never_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "REMEMBERED", 1)
    served = new_service()
    served.update(_only(served, 0))
    first = served.choose(())
    assert first
    with first.request():
        for number in range(1, 4):
            _serve_one_request(served, number)
        assert await served.drain(0, 0) == 1


async def test_few_access_logs_are_held_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "_OPEN_FILES", 2)
    logs = AccessLogs(tmp_path)
    for name in ("a", "b", "c", "a"):
        logs.write(replace(plain(), service=name), unreadable(b"client", 400, 0))
        await logs.flush()
    opened = [file.path for file in psutil.Process().open_files()]
    assert sum(path.startswith(str(tmp_path.resolve())) for path in opened) == 2
    assert len(logs.path("a", "i1").read_text().splitlines()) == 2
    await logs.close()


def new_service() -> service.Service:
    return service.Service(plain(), Doubts("demo", lambda: None))


def _only(served: service.Service, number: int) -> EndpointSet:
    endpoint = Endpoint(replica_id=number, url=f"http://127.0.0.1:{number + 1}")
    return replace(served.endpoints, endpoints=(endpoint,))


def _serve_one_request(served: service.Service, number: int) -> None:
    served.update(_only(served, number))
    chosen = served.choose(())
    assert chosen
    with chosen.request():
        pass


def _requests_after_return(served: service.Service, number: int) -> int:
    served.update(_only(served, number))
    return served.ready[0].requests
