"""WebSockets and other protocols behind an Upgrade pass as raw bytes."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSMsgType, test_utils, web

from tests.lb.plane import Plane
from tests.lb.wire import OK, answering, connection, content, get, replica, without_id
from tests.waiting import eventually

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: toy/1\r\n\r\n"
ASK = ["Connection: Upgrade", "Upgrade: toy/1"]


@asynccontextmanager
async def websocket_server() -> AsyncIterator[str]:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["toy"], autoping=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data == "bye":
                await socket.close(code=4321, message=b"so long")
            elif message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/ws", echo)
    async with test_utils.TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}"


async def test_websocket_frames_pass_both_ways(plane: Plane) -> None:
    async with websocket_server() as url, aiohttp.ClientSession() as session:
        served = await plane.serve(url)
        url = f"{served.url}/ws"
        async with session.ws_connect(url, protocols=["toy"], autoping=False) as socket:
            assert socket.protocol == "toy"
            await socket.send_str("ä")
            assert (await socket.receive()).data == "ä"
            await socket.send_bytes(b"x" * 1_000_000)
            assert (await socket.receive()).data == b"x" * 1_000_000
            await socket.ping(b"p")
            assert (await socket.receive()).type is WSMsgType.PONG
            assert await served.in_flight() == 1
            await socket.send_str("bye")
            closing = await socket.receive()
            assert (closing.data, closing.extra) == (4321, "so long")


async def test_a_close_of_the_client_reaches_the_replica(plane: Plane) -> None:
    codes: list[int | None] = []

    async def listen(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            continue
        codes.append(socket.close_code)
        return socket

    app = web.Application()
    app.router.add_get("/ws", listen)
    async with test_utils.TestServer(app) as server, aiohttp.ClientSession() as session:
        served = await plane.serve(f"http://127.0.0.1:{server.port}")
        async with session.ws_connect(f"{served.url}/ws") as socket:
            await socket.close(code=4000)
        await eventually(lambda: codes)
    assert codes == [4000]


async def test_any_protocol_passes_with_what_was_sent_early(plane: Plane) -> None:
    async def switch(reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Connection: Upgrade\r\nUpgrade: toy/1\r\n" in head
        writer.write(SWITCH + b"early")
        writer.write(await reader.readexactly(4))
        assert await reader.read() == b"last"
        writer.write(b"after your end")

    async with replica(switch) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get("/", *ASK, close=False) + b"ping")
            assert without_id(await reader.readuntil(b"\r\n\r\n")) == SWITCH
            assert await reader.readexactly(9) == b"earlyping"
            writer.write(b"last")
            writer.write_eof()
            assert await reader.read() == b"after your end"


async def test_a_refused_upgrade_is_an_ordinary_answer(plane: Plane) -> None:
    async with replica(answering(OK)) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get("/", *ASK, close=False))
            assert content(await reader.readuntil(b"ok")) == b"ok"
            writer.write(get())
            assert content(await reader.read()) == b"ok"


@pytest.mark.parametrize("side", ["client", "replica"])
async def test_an_end_of_either_side_ends_the_other(plane: Plane, side: str) -> None:
    ended = asyncio.Event()

    async def switch(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH)
        if side == "client":
            assert await reader.read() == b""
            ended.set()

    async with replica(switch) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get("/", *ASK, close=False))
            await reader.readuntil(b"\r\n\r\n")
            if side == "replica":
                assert await reader.read() == b""
                ended.set()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_an_idle_tunnel_is_not_cut(plane: Plane) -> None:
    async with websocket_server() as url, aiohttp.ClientSession() as session:
        served = await plane.serve(url, stream_timeout_seconds=0.05)
        async with session.ws_connect(f"{served.url}/ws") as socket:
            await asyncio.sleep(0.2)
            await socket.send_str("still here")
            assert (await socket.receive()).data == "still here"
