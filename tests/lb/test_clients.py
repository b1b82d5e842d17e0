"""What people use to reach their services works through the balancer."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import httpx
import openai
import pytest
from aiohttp import test_utils, web
from websockets.asyncio.client import connect

from tests.lb.plane import Plane, Served

CONTENT = b"0123456789abcdef" * 200_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


async def digest(request: web.Request) -> web.Response:
    return web.Response(text=hashlib.sha256(await request.read()).hexdigest())


async def download(request: web.Request) -> web.Response:
    return web.Response(body=CONTENT)


async def chat(request: web.Request) -> web.StreamResponse:
    wanted = await request.json()
    words = wanted["messages"][-1]["content"].split()
    choice = {"index": 0, "finish_reason": "stop"}
    common = {"id": "1", "created": 1, "model": wanted["model"]}
    if not wanted.get("stream"):
        message = {"role": "assistant", "content": " ".join(words)}
        choices = [{**choice, "message": message}]
        return web.json_response({**common, "object": "chat.completion", "choices": choices})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for word in words:
        chunk = {**choice, "delta": {"content": word}, "finish_reason": None}
        event = {**common, "object": "chat.completion.chunk", "choices": [chunk]}
        await response.write(f"data: {json.dumps(event)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


@pytest.fixture
async def served(plane: Plane) -> AsyncIterator[Served]:
    application = web.Application(client_max_size=2**24)
    application.router.add_post("/digest", digest)
    application.router.add_get("/download", download)
    application.router.add_post("/v1/chat/completions", chat)
    application.router.add_get("/echo", echo)
    async with test_utils.TestServer(application) as server:
        yield await plane.serve(f"http://127.0.0.1:{server.port}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


async def curl(*arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec("curl", "-sS", *arguments, stdout=PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output


async def test_curl_uploads_with_a_length(served: Served, file: Path) -> None:
    output = await curl("--data-binary", f"@{file}", f"{served.url}/digest")
    assert output.decode() == DIGEST


async def test_curl_uploads_in_chunks_and_waits_for_100(served: Served, file: Path) -> None:
    headers = ("-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue")
    output = await curl(*headers, "--data-binary", f"@{file}", f"{served.url}/digest")
    assert output.decode() == DIGEST


async def test_curl_speaks_the_old_http(served: Served) -> None:
    assert await curl("--http1.0", f"{served.url}/download") == CONTENT


async def test_httpx_downloads_and_uploads(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url) as client:
        assert (await client.get("/download")).content == CONTENT
        assert (await client.post("/digest", content=CONTENT)).text == DIGEST


async def test_aiohttp_downloads_and_uploads(served: Served) -> None:
    async with aiohttp.ClientSession(served.url) as session:
        async with session.get("/download") as answer:
            assert await answer.read() == CONTENT
        async with session.post("/digest", data=io.BytesIO(CONTENT)) as answer:
            assert await answer.text() == DIGEST


async def test_openai_chats(served: Served) -> None:
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none") as client:
        answer = await client.chat.completions.create(
            model="toy", messages=[{"role": "user", "content": "one two"}]
        )
        assert answer.choices[0].message.content == "one two"


async def test_openai_streams(served: Served) -> None:
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none") as client:
        stream = await client.chat.completions.create(
            model="toy", messages=[{"role": "user", "content": "one two"}], stream=True
        )
        pieces = [chunk.choices[0].delta.content async for chunk in stream]
    assert pieces == ["one", "two"]


async def test_websockets_talks_both_ways(served: Served) -> None:
    async with connect(f"{served.url}/echo".replace("http", "ws")) as socket:
        for message in ("a", "b" * 100_000):
            await socket.send(message)
            assert await socket.recv() == message
