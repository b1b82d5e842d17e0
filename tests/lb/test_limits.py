"""What the balancer waits for, and for how long; in this process, so that limits can be short."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from lb.data import access_log, client, service, upstream
from lb.data.access_log import AccessLogs
from lb.data.endpoint_files import EndpointFiles
from lb.data.registry import Registry
from lb.data.replicas import Replica
from skyflow.state import Endpoint, EndpointSet
from tests.lb.test_endpoint_sets import Slow, named
from tests.lb.test_process import endpoint_set
from tests.lb.wire import ask, connection, content, get, replica, status


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    logs = AccessLogs(tmp_path / "access")
    running = Registry("127.0.0.1", EndpointFiles(tmp_path / "endpoints"), logs)
    yield running
    running.close()
    running.abort()
    await running.finished()
    await logs.close()


async def test_an_unfinished_head_times_out(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "HEAD_SECONDS", 0.2)
    served = await registry.apply(endpoint_set())
    assert status(await ask(served.port, b"GET / HTTP/1.1\r\nHost: ")) == 408


async def test_an_unused_connection_is_closed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "IDLE_SECONDS", 0.2)
    served = await registry.apply(endpoint_set())
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
            served = await registry.apply(endpoint_set(stuck, other.url))
            for _ in range(4):
                assert content(await ask(served.port, get(method="POST"))) == b"x"
    (counters,) = registry.counters().services
    assert [found.requests for found in counters.replicas] == [1, 4]


async def test_all_connections_can_be_ended_at_once(registry: Registry) -> None:
    async with replica(Slow()) as slow:
        served = await registry.apply(endpoint_set(slow.url))
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"abc")
            registry.close()
            registry.abort()
            async with asyncio.timeout(5):
                await registry.finished()
            assert await reader.read() == b""


async def test_an_unreachable_replica_is_passed_over_for_longer_each_time() -> None:
    found = Replica(Endpoint(replica_id=1, url="http://127.0.0.1:1"))
    now, waits = 0.0, []
    for _ in range(7):
        found.on_trial(now)
        found.unreachable(now)
        found.unreachable(now)
        begin = now
        while found.avoided(now):
            now += 0.5
        waits.append(now - begin)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    found.reached()
    assert not found.avoided(now)


async def test_one_request_at_a_time_finds_out_whether_a_replica_is_back() -> None:
    found = Replica(Endpoint(replica_id=1, url="http://127.0.0.1:1"))
    found.unreachable(0)
    assert not found.avoided(1)
    found.on_trial(1)
    assert found.avoided(1.5)


async def test_replicas_that_left_long_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "REMEMBERED", 2)
    served = service.Service(endpoint_set())
    for number in range(5):
        _serve_one_request(served, number)
    assert _requests_after_return(served, 3) == 1
    assert _requests_after_return(served, 0) == 0


async def test_a_replica_with_a_request_in_flight_is_never_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "REMEMBERED", 1)
    served = service.Service(endpoint_set())
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
        logs.write(logs.path(name, "1"), access_log.unreadable("client", 400, 0))
        await logs.flush()
    opened = [file.path for file in psutil.Process().open_files()]
    assert sum(path.startswith(str(tmp_path.resolve())) for path in opened) == 2
    assert len(logs.path("a", "1").read_text().splitlines()) == 2
    await logs.close()


def _only(served: service.Service, number: int) -> EndpointSet:
    endpoint = Endpoint(replica_id=number, url=f"http://127.0.0.1:{number + 1}")
    return served.endpoints.model_copy(update={"endpoints": (endpoint,)})


def _serve_one_request(served: service.Service, number: int) -> None:
    served.update(_only(served, number))
    chosen = served.choose(())
    assert chosen
    with chosen.request():
        pass


def _requests_after_return(served: service.Service, number: int) -> int:
    served.update(_only(served, number))
    return served.counters(listening=True).replicas[0].requests
