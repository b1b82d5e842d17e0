"""Many connections and much that waits on one of them cost little."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from lb.control.data_plane import DataPlane
from skyflow.config import Settings
from skyflow.open_files import allow_many_files
from tests.lb.plane import Plane, Served, answering, process
from tests.lb.test_streaming import BLOCK, process_memory, stands_still
from tests.lb.wire import OK, connection, content, get, replica
from tests.lb.wire import answering as always
from tests.waiting import eventually

IDLE = 10_000


@pytest.fixture
async def alone(home: Path) -> AsyncIterator[Plane]:
    """Yield a data plane that serves nobody else."""
    async with DataPlane(Settings(home=home)) as api:
        with process(home, "data"):
            await answering(api)
            yield Plane(api, home)


class Idle(asyncio.Protocol):
    """A client that asked once and says nothing more."""

    answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(get(close=False))

    def data_received(self, data: bytes) -> None:
        Idle.answered += data.endswith(b"ok")


async def test_ten_thousand_idle_connections_fit_into_200_megabytes(alone: Plane) -> None:
    allow_many_files()
    loop = asyncio.get_running_loop()
    async with replica(always(OK)) as upstream:
        served = await alone.serve(upstream.url)
        made = []
        for _ in range(IDLE // 100):
            asked = (loop.create_connection(Idle, "127.0.0.1", served.port) for _ in range(100))
            made += [transport for transport, _ in await asyncio.gather(*asked)]
        await eventually(lambda: Idle.answered == IDLE, seconds=60, what="all are answered")
        assert process_memory(served) < 200 * 10**6
        assert open_files(served) > IDLE
        for transport in made:
            transport.abort()


def open_files(served: Served) -> int:
    for found in psutil.process_iter(["environ", "cmdline"]):
        environment = found.info["environ"] or {}
        if environment.get("SKYFLOW_HOME") == str(served.home):
            return found.num_fds()
    raise AssertionError("no data plane")


async def test_requests_sent_ahead_are_held_up_to_a_limit(plane: Plane) -> None:
    go_on = asyncio.Event()
    sent = 0

    async def wait(reader: StreamReader, writer: StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            await go_on.wait()
            writer.write(OK)

    async def send_ahead(writer: StreamWriter) -> None:
        nonlocal sent
        for _ in range(1000):
            writer.write(get("/", "X-Padding: " + "x" * 30_000, close=False))
            await writer.drain()
            sent += 1
        writer.write(get("/last"))

    async with replica(wait) as upstream:
        served = await plane.serve(upstream.url)
        before = process_memory(served)
        async with connection(served.port) as (reader, writer):
            task = asyncio.create_task(send_ahead(writer))
            await stands_still(lambda: sent)
            assert sent < 1000
            assert process_memory(served) - before < 10 * 2**20
            go_on.set()
            assert (await reader.read()).count(b"\r\n\r\nok") == 1001
            await task


async def test_a_request_sent_ahead_in_parts_is_read_when_its_turn_comes(plane: Plane) -> None:
    async with replica(always(OK)) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            second = get("/", f"Content-Length: {len(BLOCK)}", method="POST") + BLOCK
            writer.write(get(close=False) + second[:10])
            assert content(await reader.readuntil(b"ok")) == b"ok"
            writer.write(second[10:])
            assert (await reader.read()).count(b"200 OK") == 1
