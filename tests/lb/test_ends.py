"""Either side going away, or saying nothing, is noticed by the other."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter

import pytest

from tests.lb.plane import Plane
from tests.lb.wire import OK, ask, connection, content, get, replica, status
from tests.waiting import eventually

CUT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
}


@pytest.mark.parametrize("begin", [b"", CUT["length"], CUT["chunks"]])
async def test_a_client_that_goes_is_passed_on_at_once(plane: Plane, begin: bytes) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def wait(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begin)
        asked.set()
        try:
            await reader.read()
        finally:
            gone.set()

    async with replica(wait) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await asked.wait()
            if begin:
                await reader.readuntil(b"\r\nabc")
        async with asyncio.timeout(2):
            await gone.wait()

        async def none_in_flight() -> bool:
            return await served.in_flight() == 0

        await eventually(none_in_flight)
        assert (await served.log_lines(1))[0].endswith("tries=1 gone")
        assert f" {200 if begin else 499} " in (await served.log_lines(1))[0]


async def test_a_client_that_goes_while_it_sends_is_passed_on(plane: Plane) -> None:
    ended = asyncio.Event()

    async def take(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\nabc")
        assert await reader.read() == b""
        ended.set()

    async with replica(take) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (_, writer):
            writer.write(get("/", "Content-Length: 9", method="POST") + b"abc")
            await eventually(lambda: upstream.connections)
        async with asyncio.timeout(2):
            await ended.wait()


@pytest.mark.parametrize("framing", CUT)
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_cut_answer_does_not_look_whole(plane: Plane, framing: str, version: bytes) -> None:
    async def die(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CUT[framing])
        await writer.drain()

    async with replica(die) as upstream:
        served = await plane.serve(upstream.url, retry="none")
        async with connection(served.port) as (reader, writer):
            writer.write(b"GET / HTTP/" + version + b"\r\nHost: a\r\n\r\n")
            if framing == "chunks" and version == b"1.0":
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            else:
                got = await reader.read()
                assert b"abc" in got
                assert not got.endswith(b"0\r\n\r\n")
        assert (await served.log_lines(1))[0].endswith("cut")
        assert (await served.replica()).failures == 1


async def test_an_answer_that_breaks_instead_of_ending_is_broken_for_the_client(
    plane: Plane,
) -> None:
    async def reset(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nabc")
        await reader.readexactly(1)
        handle = writer.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with replica(reset) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get("/", "Content-Length: 9", method="POST"))
            await reader.readuntil(b"\r\nabc")
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await reader.read()


async def silent(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.read()


async def test_a_replica_that_says_nothing_is_given_up(plane: Plane) -> None:
    async with replica(silent) as first, replica(silent) as second:
        served = await plane.serve(first.url, second.url, stream_timeout_seconds=0.2)
        got = await ask(served.port, get())
        assert status(got) == 504
        assert first.connections + second.connections == 1
        assert b"ReplicaSilent" in content(got)


async def test_a_stream_that_falls_silent_is_cut(plane: Plane) -> None:
    async def begin(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CUT["chunks"])
        await reader.read()

    async with replica(begin) as upstream:
        served = await plane.serve(upstream.url, stream_timeout_seconds=0.2)
        got = await ask(served.port, get())
        assert got.endswith(b"3\r\nabc\r\n")
        assert (await served.log_lines(1))[0].endswith("cut")


async def test_a_slow_stream_is_not_cut(plane: Plane) -> None:
    async def trickle(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.1)
            writer.write(b"x")

    async with replica(trickle) as upstream:
        served = await plane.serve(upstream.url, stream_timeout_seconds=0.5)
        assert content(await ask(served.port, get())) == b"x" * 8


async def test_a_client_that_does_not_go_on_sending_is_told(plane: Plane) -> None:
    async with replica(silent) as upstream:
        served = await plane.serve(upstream.url, stream_timeout_seconds=0.2)
        got = await ask(served.port, get("/", "Content-Length: 9", method="POST") + b"abc")
        assert status(got) == 408


async def test_a_replica_that_speaks_unasked_loses_its_connection(plane: Plane) -> None:
    answered, ended = asyncio.Event(), asyncio.Event()

    async def talkative(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await answered.wait()
        try:
            while True:
                writer.write(b"unasked" * 10_000)
                await writer.drain()
        finally:
            ended.set()

    async with replica(talkative) as upstream:
        served = await plane.serve(upstream.url)
        assert content(await ask(served.port, get())) == b"ok"
        answered.set()
        async with asyncio.timeout(10):
            await ended.wait()
        assert content(await ask(served.port, get())) == b"ok"
        assert upstream.connections == 2
