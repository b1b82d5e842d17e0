"""A data plane is replaced, and no client notices."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from lb.control.data_plane import DataPlane, DataPlaneUnavailable
from lb.files import leaving_sockets
from skyflow.config import Settings
from tests.lb.plane import Served, endpoint_set, process
from tests.lb.test_endpoint_sets import Slow, named
from tests.lb.wire import Replica, ask, connection, content, get, replica, status
from tests.waiting import eventually

CLIENTS = 6
KINDS = [("data",), ("data", "--processes", "2")]


@contextmanager
def taken_over(home: Path, kind: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
    with process(home, *kind, "--take-over") as running:
        yield running
        # Asked to end, as processes whose holder was killed go on for as long as streams do.
        running.terminate()
        running.wait(20)


@asynccontextmanager
async def served(
    home: Path, upstream: Replica, kind: tuple[str, ...], stack: ExitStack
) -> AsyncIterator[tuple[Served, subprocess.Popen[bytes]]]:
    running = stack.enter_context(taken_over(home, kind))
    async with DataPlane(Settings(home=home)) as api:
        await eventually_lives(api, kind)
        wanted = await api.apply(endpoint_set(upstream.url))
        yield Served(api, home, wanted), running


async def replaced(
    service: Served, old: subprocess.Popen[bytes], kind: tuple[str, ...], stack: ExitStack
) -> subprocess.Popen[bytes]:
    """Start another data plane, and return it once it is the one that answers."""
    before = await lives(service.api)
    running = stack.enter_context(taken_over(service.home, kind))
    await eventually_lives(service.api, kind, before)
    return running


async def eventually_lives(
    api: DataPlane, kind: tuple[str, ...], before: Collection[str] = ()
) -> None:
    """Wait until all processes answer, none of which lived before."""
    count = int(kind[-1]) if len(kind) > 1 else 1

    async def answer() -> bool:
        now = await lives(api)
        return len(now) == count and now.isdisjoint(before)

    await eventually(answer, what=f"{count} processes answer")


async def lives(api: DataPlane) -> set[str]:
    try:
        return set((await api.run()).id.split("."))
    except DataPlaneUnavailable:
        return set()


@pytest.mark.parametrize("kind", KINDS, ids=["alone", "two"])
async def test_ten_restarts_under_load_cost_no_client_an_error(
    home: Path, kind: tuple[str, ...]
) -> None:
    with ExitStack() as stack:
        async with (
            replica(named(b"x")) as upstream,
            served(home, upstream, kind, stack) as (service, running),
        ):
            stop, answered = asyncio.Event(), list[bytes]()

            async def client() -> None:
                while not stop.is_set():
                    answered.append(content(await ask(service.port, get())))

            load = [asyncio.create_task(client()) for _ in range(CLIENTS)]
            for _ in range(10):
                old, running = running, await replaced(service, running, kind, stack)
                count = len(answered)
                await eventually(lambda: len(answered) > count + CLIENTS)  # noqa: B023
                assert await asyncio.to_thread(old.wait, 20) == 0
            stop.set()
            await asyncio.gather(*load)
            assert set(answered) == {b"x"}


@pytest.mark.parametrize("kind", KINDS, ids=["alone", "two"])
async def test_a_stream_outlives_the_process_that_it_came_through(
    home: Path, kind: tuple[str, ...]
) -> None:
    slow = Slow()
    with ExitStack() as stack:
        async with (
            replica(slow) as upstream,
            served(home, upstream, kind, stack) as (service, running),
            connection(service.port) as (reader, writer),
        ):
            writer.write(get(close=False))
            await reader.readuntil(b"\r\nabc")
            await replaced(service, running, kind, stack)
            await eventually(lambda: len(leaving_sockets(Settings(home=home))) == 1)
            # Whoever ends a replica hears of what the earlier process still has of it.
            assert (await service.api.drain("demo", 1, 0)).remaining == 1
            slow.finish.set()
            assert await reader.readexactly(3) == b"def"
            assert await asyncio.to_thread(running.wait, 20) == 0
            assert (await service.api.drain("demo", 1, 0)).remaining == 0
            assert leaving_sockets(Settings(home=home)) == []


@pytest.mark.parametrize("kind", KINDS, ids=["alone", "two"])
async def test_a_stream_goes_on_when_unused_connections_have_been_closed(
    home: Path, kind: tuple[str, ...]
) -> None:
    slow = Slow()
    with ExitStack() as stack:
        async with (
            replica(slow) as upstream,
            served(home, upstream, kind, stack) as (service, running),
            connection(service.port) as (reader, writer),
        ):
            writer.write(get(close=False))
            await reader.readuntil(b"\r\nabc")
            async with AsyncExitStack() as unused:
                opened = [await unused.enter_async_context(connection(service.port))]
                if "2" in kind:
                    # As many as it takes for the process of the stream to have one.
                    for _ in range(20):
                        opened.append(await unused.enter_async_context(connection(service.port)))
                await replaced(service, running, kind, stack)
                for other, _ in opened:
                    assert await other.read() == b""
            slow.finish.set()
            assert await reader.readexactly(3) == b"def"
            assert await asyncio.to_thread(running.wait, 20) == 0
    assert "Traceback" not in (home / "data.log").read_text()


async def test_a_kept_connection_is_told_of_its_end_by_an_answer(home: Path) -> None:
    with ExitStack() as stack:
        async with (
            replica(named(b"x")) as upstream,
            served(home, upstream, ("data",), stack) as (service, running),
            connection(service.port) as (reader, writer),
        ):
            writer.write(get(close=False))
            assert b"close" not in await reader.readuntil(b"x")
            await replaced(service, running, ("data",), stack)
            writer.write(get(close=False))
            answer = await reader.read()
            assert status(answer) == 200
            assert b"Connection: close" in answer


async def test_one_can_become_several_and_several_one(home: Path) -> None:
    with ExitStack() as stack:
        async with (
            replica(named(b"x")) as upstream,
            served(home, upstream, ("data",), stack) as (service, running),
        ):
            for kind in (KINDS[1], ("data", "--processes", "3"), KINDS[0]):
                running = await replaced(service, running, kind, stack)
                for _ in range(20):
                    assert content(await ask(service.port, get())) == b"x"


async def test_one_that_fails_before_it_serves_changes_nothing(home: Path) -> None:
    with ExitStack() as stack:
        async with (
            replica(named(b"x")) as upstream,
            served(home, upstream, ("data",), stack) as (service, running),
        ):
            reader, writer = await asyncio.open_unix_connection(home / "balancer/next.sock")
            writer.write(b'{"say": "take", "descriptors": 0}\n')
            await reader.readuntil(b'"more": false')
            writer.close()
            assert content(await ask(service.port, get())) == b"x"
            await replaced(service, running, ("data",), stack)


async def test_what_took_over_stands_alone_when_it_is_killed(home: Path) -> None:
    slow = Slow()
    with ExitStack() as stack:
        async with (
            replica(slow) as upstream,
            served(home, upstream, ("data",), stack) as (service, running),
            connection(service.port) as (reader, writer),
        ):
            writer.write(get(close=False))
            await reader.readuntil(b"\r\nabc")
            second = await replaced(service, running, ("data",), stack)
            second.send_signal(signal.SIGKILL)
            await asyncio.to_thread(second.wait)
            # The first one still streams, and neither holds the port nor keeps the third away.
            stack.enter_context(taken_over(home, ("data",)))
            slow.finish.set()
            assert await reader.readexactly(3) == b"def"

            async def serves() -> bool:
                try:
                    return b"abcdef" in await ask(service.port, get())
                except ConnectionError:
                    return False

            await eventually(serves)
