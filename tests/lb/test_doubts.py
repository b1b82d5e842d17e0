"""Replicas that cannot be reached: passed over, readmitted, and after ten minutes not trusted.

In this process and with a clock that the tests set; connections are real.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lb.data import doubts
from lb.data.access_log import AccessLogs
from lb.data.endpoint_files import EndpointFiles
from lb.data.endpoints import EndpointSet
from lb.data.moments import LONG_AGO
from lb.data.presence import Presence
from lb.data.registry import Registry
from lb.data.sockets import OwnSockets
from lb.data.upkeep import Upkeep
from tests.lb.hands import Hands
from tests.lb.plane import free_port, plain
from tests.lb.test_endpoint_sets import named
from tests.lb.wire import Replica, ask, content, get, replica, status
from tests.waiting import eventually

JUST_TRUSTED = doubts.TRUST_SECONDS
TOO_LONG = doubts.TRUST_SECONDS + 1


@pytest.fixture(autouse=True)
def _quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "PROBE_SECONDS", 0.05)


@pytest.fixture
def hands() -> Hands:
    return Hands()


Start = Callable[[], Awaitable[Registry]]


@pytest.fixture
async def start(tmp_path: Path, hands: Hands) -> AsyncIterator[Start]:
    """Yield a function that starts a data plane in place of the one before."""
    running: list[tuple[Registry, AccessLogs, OwnSockets]] = []

    async def end() -> None:
        while running:
            registry, logs, sockets = running.pop()
            registry.close()
            registry.abort()
            await registry.finished()
            await logs.close()
            sockets.let_go()

    async def started() -> Registry:
        await end()
        logs = AccessLogs(tmp_path / "access")
        files = EndpointFiles(tmp_path / "endpoints")
        sockets = OwnSockets("127.0.0.1")
        registry = Registry(sockets, files, logs, clock=hands)
        running.append((registry, logs, sockets))
        await registry.load(presence(tmp_path).last())
        return registry

    yield started
    await end()


def presence(home: Path) -> Presence:
    return Presence(home / "alive.json")


async def live(registry: Registry, home: Path, hands: Hands) -> Upkeep:
    """Have a data plane note what it does each second."""
    upkeep = Upkeep(registry, presence(home), hands)
    await upkeep.keep_disk()
    return upkeep


@asynccontextmanager
async def server(upstream: Replica, port: int) -> AsyncIterator[None]:
    """Answer at another port as well, as a replica that comes back there."""
    running = await asyncio.start_server(upstream.handle, "127.0.0.1", port)
    async with running:
        yield


def newer(endpoints: EndpointSet) -> EndpointSet:
    return replace(endpoints, generation=endpoints.generation + 1)


async def test_no_request_is_spent_on_a_replica_that_cannot_be_reached(start: Start) -> None:
    registry = await start()
    port = free_port()
    async with replica(named(b"x")) as upstream:
        served = await registry.apply(plain(f"http://127.0.0.1:{port}", upstream.url))
        for _ in range(9):
            assert status(await ask(served.port, get())) == 200
        gone, _ = registry.slots()[0].service.ready
        assert (gone.requests, gone.failures) == (1, 1)
        async with server(upstream, port):
            await eventually(lambda: not registry.slots()[0].service.doubts)
            for _ in range(2):
                assert status(await ask(served.port, get())) == 200
        assert (gone.requests, gone.failures) == (2, 1)


async def test_the_last_replicas_are_tried_in_spite_of_doubts(start: Start) -> None:
    registry = await start()
    served = await registry.apply(plain(f"http://127.0.0.1:{free_port()}"))
    for _ in range(2):
        got = await ask(served.port, get())
        assert (status(got), b"NoReplicaReachable" in got) == (503, True)


async def test_an_address_that_came_back_in_time_is_used(start: Start, hands: Hands) -> None:
    registry = await start()
    port = free_port()
    served = await registry.apply(plain(f"http://127.0.0.1:{port}"))
    await ask(served.port, get())
    hands.pass_by(JUST_TRUSTED)
    async with replica(named(b"x")) as upstream, server(upstream, port):
        await eventually(lambda: not registry.slots()[0].service.doubts)
        assert content(await ask(served.port, get())) == b"x"


@pytest.mark.parametrize("named_anew", [lambda found: found, newer])
async def test_after_ten_minutes_an_address_is_a_strangers_until_it_is_named_anew(
    start: Start, hands: Hands, named_anew: Callable[[EndpointSet], EndpointSet]
) -> None:
    registry = await start()
    port = free_port()
    served = await registry.apply(plain(f"http://127.0.0.1:{port}"))
    await ask(served.port, get())
    hands.pass_by(TOO_LONG)
    async with replica(named(b"x")) as stranger, server(stranger, port):
        got = await ask(served.port, get())
        assert (status(got), b"NoReplicaReady" in got) == (503, True)
        await asyncio.sleep(4 * doubts.PROBE_SECONDS)
        assert stranger.connections <= 1  # one probe may have been under way
        await registry.apply(replace(served, generation=served.generation - 1))
        assert status(await ask(served.port, get())) == 503
        await registry.apply(named_anew(served))
        assert content(await ask(served.port, get())) == b"x"
        await eventually(lambda: not registry.slots()[0].service.doubts)


async def test_a_replica_that_is_not_named_any_more_is_not_asked_any_more(start: Start) -> None:
    registry = await start()
    port = free_port()
    async with replica(named(b"x")) as other, replica(named(b"y")) as stranger:
        served = await registry.apply(plain(f"http://127.0.0.1:{port}", other.url))
        await ask(served.port, get())
        assert registry.slots()[0].service.doubts
        await registry.apply(replace(newer(served), endpoints=served.endpoints[1:]))
        assert not registry.slots()[0].service.doubts
        async with server(stranger, port):
            await asyncio.sleep(4 * doubts.PROBE_SECONDS)
        assert stranger.connections == 0


async def test_the_ten_minutes_go_on_across_a_restart(
    start: Start, hands: Hands, tmp_path: Path
) -> None:
    registry = await start()
    port = free_port()
    served = await registry.apply(plain(f"http://127.0.0.1:{port}"))
    await ask(served.port, get())
    for _ in range(2):
        await live(registry, tmp_path, hands)
        hands.pass_by(JUST_TRUSTED / 2)
        registry = await start()
        assert registry.slots()[0].service.doubts
    hands.pass_by(1)
    async with replica(named(b"x")) as stranger, server(stranger, port):
        assert status(await ask(served.port, get())) == 503
        await registry.apply(served)
        assert content(await ask(served.port, get())) == b"x"


async def test_a_replica_readmitted_is_trusted_by_the_next_data_plane(
    start: Start, hands: Hands, tmp_path: Path
) -> None:
    registry = await start()
    port = free_port()
    served = await registry.apply(plain(f"http://127.0.0.1:{port}"))
    await ask(served.port, get())
    async with replica(named(b"x")) as upstream, server(upstream, port):
        await eventually(lambda: not registry.slots()[0].service.doubts)
        await live(registry, tmp_path, hands)
        hands.pass_by(JUST_TRUSTED)
        registry = await start()
        assert content(await ask(served.port, get())) == b"x"


async def test_one_that_was_away_for_too_long_uses_nothing_until_it_is_confirmed(
    start: Start, hands: Hands, tmp_path: Path
) -> None:
    registry = await start()
    async with replica(named(b"x")) as upstream:
        served = await registry.apply(plain(upstream.url))
        await live(registry, tmp_path, hands)
        hands.pass_by(TOO_LONG)
        registry = await start()
        assert status(await ask(served.port, get())) == 503
        assert registry.unconfirmed() == ["demo"]
        # Being alive again for a moment does not make up for it.
        await live(registry, tmp_path, hands)
        registry = await start()
        assert status(await ask(served.port, get())) == 503
        await registry.apply(served)
        assert registry.unconfirmed() == []
        assert content(await ask(served.port, get())) == b"x"


async def test_one_that_was_away_for_a_moment_serves_at_once(
    start: Start, hands: Hands, tmp_path: Path
) -> None:
    registry = await start()
    async with replica(named(b"x")) as upstream:
        served = await registry.apply(plain(upstream.url))
        await live(registry, tmp_path, hands)
        hands.pass_by(JUST_TRUSTED)
        registry = await start()
        assert content(await ask(served.port, get())) == b"x"
        assert registry.unconfirmed() == ["demo"]


@pytest.mark.parametrize("jump", [-TOO_LONG, TOO_LONG])
async def test_a_clock_that_jumps_changes_nothing(
    start: Start, hands: Hands, tmp_path: Path, jump: float
) -> None:
    registry = await start()
    async with replica(named(b"x")) as upstream:
        dead = f"http://127.0.0.1:{free_port()}"
        served = await registry.apply(plain(upstream.url, dead))
        await ask(served.port, get())
        await ask(served.port, get())
        upkeep = await live(registry, tmp_path, hands)
        for _ in range(2):
            hands.wall += jump
            await upkeep.watch_time()
            assert content(await ask(served.port, get())) == b"x"
            (slot,) = registry.slots()
            assert [found.replica_id for found, _ in slot.service.doubts] == [2]
            registry = await start()
            upkeep = await live(registry, tmp_path, hands)


async def test_after_a_restart_of_the_computer_the_wall_clock_counts(
    start: Start, hands: Hands, tmp_path: Path
) -> None:
    registry = await start()
    async with replica(named(b"x")) as upstream:
        served = await registry.apply(plain(upstream.url))
        for seconds, expected in ((60, 200), (TOO_LONG, 503), (-1, 503)):
            await registry.apply(served)
            await live(registry, tmp_path, hands)
            hands.restart_computer(seconds)
            registry = await start()
            assert status(await ask(served.port, get())) == expected
        await registry.apply(served)
        assert content(await ask(served.port, get())) == b"x"


async def test_a_computer_that_slept_for_too_long_uses_nothing_until_it_is_confirmed(
    start: Start, hands: Hands, tmp_path: Path
) -> None:
    registry = await start()
    async with replica(named(b"x")) as upstream:
        served = await registry.apply(plain(upstream.url))
        upkeep = await live(registry, tmp_path, hands)
        for seconds, expected in ((JUST_TRUSTED, 200), (TOO_LONG, 503)):
            hands.pass_by(seconds)
            await upkeep.watch_time()
            assert status(await ask(served.port, get())) == expected
        await registry.apply(newer(served))
        assert content(await ask(served.port, get())) == b"x"


def test_when_one_last_lived_is_not_known_without_a_readable_file(
    tmp_path: Path, hands: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    found = presence(tmp_path)
    assert found.last() == LONG_AGO
    assert LONG_AGO.age(hands()) > doubts.TRUST_SECONDS
    found.note(hands())
    assert found.last() == hands()
    (tmp_path / "alive.json").write_text("{half")
    assert found.last() == LONG_AGO
    assert "cannot be read" in caplog.text
