"""What reaches the replica of a request, and the client of an answer."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import test_utils, web

from tests.lb.plane import Plane
from tests.lb.wire import OK, answering, ask, content, fields, get, replica, status, without_id


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "OPTIONS", "PATCH", "PUT", "DELETE", "TRACE", "PURGE", "x-Ray!"]
)
async def test_every_method_reaches_the_replica(plane: Plane, method: str) -> None:
    heads: list[bytes] = []
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get("/docs", method=method))
    assert heads[0].startswith(method.encode() + b" /docs HTTP/1.1\r\n")


async def test_path_and_query_are_kept_byte_for_byte(plane: Plane) -> None:
    target = "/a%2Fb%20c//d/../e?x=%2F&y=+\xe9[]|^#z"
    heads: list[bytes] = []
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get(target))
    assert heads[0].split(b" ")[1] == target.encode("latin-1")


async def test_headers_reach_the_replica_as_they_are(plane: Plane) -> None:
    heads: list[bytes] = []
    sent = ["X-Twice: 1", "x-twice: 2", "X-High: \xe9\xff", "Cookie: a=1", "Empty:", "TE: gzip"]
    hop = ["Keep-Alive: 5", "Proxy-Authorization: x", "Connection: x-private", "X-Private: 1"]
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get("/", *sent, *hop))
    assert fields(without_id(heads[0])) == [
        b"Host: test",
        b"X-Twice: 1",
        b"x-twice: 2",
        b"X-High: \xe9\xff",
        b"Cookie: a=1",
        b"Empty:",
        b"X-Forwarded-For: 127.0.0.1",
        b"X-Forwarded-Proto: http",
        b"X-Forwarded-Host: test",
    ]


async def test_the_client_is_appended_to_the_way_it_claims(plane: Plane) -> None:
    heads: list[bytes] = []
    claims = ["X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.2", "X-Forwarded-Proto: https"]
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get("/", *claims))
    assert b"X-Forwarded-For: 10.0.0.1, 10.0.0.2, 127.0.0.1" in fields(heads[0])
    assert fields(heads[0]).count(b"X-Forwarded-Proto: http") == 1
    assert b"https" not in heads[0]


async def test_headers_of_an_answer_reach_the_client_as_they_are(plane: Plane) -> None:
    lines = b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-High: \xe9\r\nContent-Encoding: gzip\r\n"
    hop = b"Connection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n"
    answer = b"HTTP/1.1 207 Very  odd\r\n" + lines + hop + b"Content-Length: 2\r\n\r\nok"
    async with replica(answering(answer)) as upstream:
        served = await plane.serve(upstream.url)
        got = await ask(served.port, get())
    expected = b"HTTP/1.1 207 Very  odd\r\n" + lines + b"Content-Length: 2\r\n"
    assert without_id(got) == expected + b"Connection: close\r\n\r\nok"


async def test_no_state_of_one_client_reaches_another(plane: Plane) -> None:
    heads: list[bytes] = []
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=s3\r\nContent-Length: 0\r\n\r\n"
    async with replica(answering(answer, heads)) as upstream:
        served = await plane.serve(upstream.url)
        for _ in range(3):
            await ask(served.port, get())
        assert upstream.connections == 1
    assert not any(b"s3" in head for head in heads)


@pytest.mark.parametrize("code", [301, 404, 429, 500, 503])
async def test_answers_of_the_replica_pass_through(plane: Plane, code: int) -> None:
    answer = f"HTTP/1.1 {code} X\r\nLocation: /other\r\nContent-Length: 1\r\n\r\nx".encode()
    async with replica(answering(answer)) as upstream:
        served = await plane.serve(upstream.url, upstream.url.replace("127.0.0.1", "localhost"))
        got = await ask(served.port, get(method="POST"))
        assert (status(got), content(got)) == (code, b"x")
        assert upstream.connections == 1


async def test_a_common_client_and_server_understand_each_other(plane: Plane) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), headers={"X-Path": request.raw_path})

    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", echo)
    async with test_utils.TestServer(app) as server, aiohttp.ClientSession() as session:
        served = await plane.serve(str(server.make_url("/")))
        for body in (b"x" * 1_000_000, b"y", b""):
            async with session.post(served.url + "/a?b", data=body) as response:
                assert await response.read() == body
                assert response.headers["X-Path"] == "/a?b"


async def test_a_client_of_http_1_0_need_not_name_a_host(plane: Plane) -> None:
    heads: list[bytes] = []
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        got = await ask(served.port, b"GET / HTTP/1.0\r\n\r\n")
        assert content(got) == b"ok"
        assert f"Host: {upstream.host}:{upstream.port}".encode() in fields(heads[0])
