"""Bytes pass as they come, and no faster than they are read."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter

import psutil

from tests.lb.plane import Plane, Served
from tests.lb.wire import OK, connection, content, get, replica, status
from tests.waiting import eventually

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
BLOCK = b"x" * 65536
PLENTY = 2000
"""Blocks that no chain of socket buffers can hold: 125 MiB."""


def process_memory(served: Served) -> int:
    for process in psutil.process_iter(["cmdline", "environ"]):
        environment = process.info["environ"] or {}
        command = process.info["cmdline"] or []
        if environment.get("SKYFLOW_HOME") == str(served.home) and "data" in command:
            return int(process.memory_info().rss)
    raise AssertionError("no data plane")


async def test_events_pass_at_once(plane: Plane) -> None:
    seen = asyncio.Queue[None]()

    async def stream(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EVENTS)
        for number in range(5):
            writer.write(b"9\r\ndata: %d\n\n\r\n" % number)
            await writer.drain()
            await seen.get()
        writer.write(b"0\r\n\r\n")

    async with replica(stream) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\n\r\n")
            for number in range(5):
                assert await reader.readuntil(b"\n\n\r\n") == b"9\r\ndata: %d\n\n\r\n" % number
                seen.put_nowait(None)
            assert await reader.read() == b"0\r\n\r\n"


async def test_the_body_of_a_request_passes_as_it_comes(plane: Plane) -> None:
    seen = asyncio.Queue[bytes]()

    async def take(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(3):
            seen.put_nowait(await reader.readexactly(1))
        writer.write(OK)

    async with replica(take) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get("/", "Content-Length: 3", method="POST"))
            for letter in (b"a", b"b", b"c"):
                writer.write(letter)
                assert await seen.get() == letter
            assert content(await reader.read()) == b"ok"


async def test_answer_and_request_may_pass_at_the_same_time(plane: Plane) -> None:
    async def echo(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
        for _ in range(3):
            writer.write((await reader.readexactly(1)).upper())

    async with replica(echo) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get("/", "Content-Length: 3", method="POST"))
            await reader.readuntil(b"\r\n\r\n")
            for letter in (b"a", b"b", b"c"):
                writer.write(letter)
                assert await reader.readexactly(1) == letter.upper()


async def test_a_client_that_stops_reading_stops_the_replica(plane: Plane) -> None:
    sent = 0

    async def pour(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (PLENTY * len(BLOCK)))
        for _ in range(PLENTY):
            writer.write(BLOCK)
            await writer.drain()
            sent += 1

    async with replica(pour) as upstream:
        served = await plane.serve(upstream.url)
        before = process_memory(served)
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\n\r\n")
            await stands_still(lambda: sent)
            assert 0 < sent < PLENTY
            assert process_memory(served) - before < 10 * 2**20
            assert len(await reader.readexactly(PLENTY * len(BLOCK))) == PLENTY * len(BLOCK)


async def test_a_replica_that_stops_reading_stops_the_client(plane: Plane) -> None:
    go_on = asyncio.Event()

    async def wait(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await go_on.wait()
        await reader.readexactly(PLENTY * len(BLOCK))
        writer.write(OK)

    sent = 0

    async def upload(writer: StreamWriter) -> None:
        nonlocal sent
        for _ in range(PLENTY):
            writer.write(BLOCK)
            await writer.drain()
            sent += 1

    async with replica(wait) as upstream:
        served = await plane.serve(upstream.url)
        before = process_memory(served)
        async with connection(served.port) as (reader, writer):
            writer.write(get("/", f"Content-Length: {PLENTY * len(BLOCK)}", method="POST"))
            task = asyncio.create_task(upload(writer))
            await stands_still(lambda: sent)
            assert 0 < sent < PLENTY
            assert process_memory(served) - before < 10 * 2**20
            go_on.set()
            assert content(await reader.read()) == b"ok"
            await task


async def test_an_early_answer_reaches_a_client_that_still_sends(plane: Plane) -> None:
    async def refuse(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await writer.drain()
        await reader.read()

    async with replica(refuse) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            length = 300 * len(BLOCK)
            writer.write(get("/", f"Content-Length: {length}", method="POST", close=False))
            writer.write(BLOCK)
            head = await reader.readuntil(b"\r\n\r\n")
            assert status(head) == 413
            assert b"Connection: close" in head
            for _ in range(299):
                writer.write(BLOCK)
                await writer.drain()
            assert await reader.read() == b"big"


async def stands_still(count: object) -> None:
    """Wait until a number has grown and then stayed the same for a number of looks."""
    assert callable(count)
    looks: list[int] = []

    def still() -> bool:
        looks.append(count())
        return looks[-1] > 0 and len(looks) > 10 and len(set(looks[-10:])) == 1

    await eventually(still)
