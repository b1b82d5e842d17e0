"""A process without a free file descriptor neither ends nor spins, and blames nobody."""

from __future__ import annotations

import asyncio
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from lb.control.data_plane import DataPlane, DataPlaneUnavailable
from skyflow.config import Settings
from skyflow.state import EndpointSet
from tests.lb.plane import answering, endpoint_set, process_with_few_files
from tests.lb.test_endpoint_sets import named
from tests.lb.wire import OK, ask, connection, content, fields, get, replica, status
from tests.waiting import eventually

LIMIT = 64


async def answer(port: int) -> bytes:
    """Return an answer; nothing if the connection was closed without one."""
    with suppress(ConnectionError):
        return await ask(port, get())
    return b""


@asynccontextmanager
async def idle_connections(port: int, number: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(number):
            await stack.enter_async_context(connection(port))
        yield


@pytest.fixture
async def small(home: Path) -> AsyncIterator[tuple[DataPlane, psutil.Process]]:
    """Yield a data plane that may open few files."""
    async with DataPlane(Settings(home=home)) as api:
        with process_with_few_files(home, LIMIT, "data") as running:
            await answering(api)
            yield api, psutil.Process(running.pid)
            assert running.poll() is None, (home / "data.log").read_text()


async def serves(port: int, expected: bytes) -> bool:
    return content(await answer(port)) == expected


async def test_clients_without_room_are_told_so_and_those_that_are_in_go_on(
    small: tuple[DataPlane, psutil.Process],
) -> None:
    api, _ = small
    async with replica(named(b"x")) as upstream:
        wanted = await api.apply(endpoint_set(upstream.url))
        async with connection(wanted.port) as (reader, writer):
            async with idle_connections(wanted.port, LIMIT):
                got = await eventually(lambda: answer(wanted.port))
                assert status(got) == 503
                assert b"Retry-After: 1" in fields(got)
                assert b"BalancerExhausted" in content(got)
                for _ in range(3):
                    writer.write(get(close=False))
                    assert (await reader.readuntil(b"\r\n\r\nx")).startswith(b"HTTP/1.1 200")
            await eventually(lambda: serves(wanted.port, b"x"))


async def test_having_no_descriptor_left_is_no_reason_to_doubt_a_replica(
    small: tuple[DataPlane, psutil.Process],
) -> None:
    api, running = small
    free = asyncio.Event()

    async def slow(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await free.wait()
        writer.write(OK)

    async with replica(slow) as upstream:
        wanted = await api.apply(endpoint_set(upstream.url))
        asked = [asyncio.create_task(ask(wanted.port, get())) for _ in range(LIMIT)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=15)
        await at_rest(running)
        free.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        answered = [status(got) for got in answers if isinstance(got, bytes) and got]
        assert set(answered) == {200, 503}
        await eventually(lambda: serves(wanted.port, b"ok"))
        (counters,) = (await api.services()).services
        assert [(found.failures, found.ready) for found in counters.replicas] == [(0, True)]


async def test_a_flood_beyond_all_descriptors_neither_ends_nor_spins_the_data_plane(
    small: tuple[DataPlane, psutil.Process],
) -> None:
    api, running = small
    async with replica(named(b"x")) as upstream:
        wanted = await api.apply(endpoint_set(upstream.url))
        newer = wanted.model_copy(update={"generation": 2})
        async with idle_connections(wanted.port, 5 * LIMIT):
            await at_rest(running)
            assert await applied_in_the_end(api, newer)
        await eventually(lambda: serves(wanted.port, b"x"))


async def test_a_control_process_without_descriptors_is_back_when_there_are_some(
    home: Path,
) -> None:
    from tests.lb.plane import free_port

    port = free_port()
    environment = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    with process_with_few_files(
        home, LIMIT, "control", "--admin-port", str(port), environment=environment
    ) as running:
        await eventually(lambda: refuses_health(port))
        async with idle_connections(port, 2 * LIMIT):
            await at_rest(psutil.Process(running.pid))
        await eventually(lambda: refuses_health(port))
        assert running.poll() is None


async def refuses_health(port: int) -> bool:
    """Return whether the admin port answers that, without Temporal, not all is well."""
    try:
        return status(await ask(port, get("/healthz"))) == 503
    except (ConnectionError, IndexError):
        return False


async def applied_in_the_end(api: DataPlane, endpoints: EndpointSet) -> bool:
    async def applied() -> bool:
        try:
            return (await api.apply(endpoints)) == endpoints
        except DataPlaneUnavailable:
            return False

    return await eventually(applied)


async def at_rest(process: psutil.Process) -> None:
    """Wait until a process uses less than half of the time that passes."""

    async def rests() -> bool:
        begin, used = time.monotonic(), sum(process.cpu_times()[:2])
        await asyncio.sleep(0.5)
        return sum(process.cpu_times()[:2]) - used < (time.monotonic() - begin) / 2

    await eventually(rests, seconds=15, what="the process does not spin")
