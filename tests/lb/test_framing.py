"""Where messages begin and end, whoever speaks."""

from __future__ import annotations

import asyncio
import re
from asyncio import StreamReader, StreamWriter

import pytest

from tests.lb.plane import Plane
from tests.lb.test_heads import REFUSED
from tests.lb.wire import (
    OK,
    answering,
    ask,
    connection,
    content,
    fields,
    get,
    replica,
    status,
    without_id,
)

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
NO_BODY = {
    "HEAD": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
}


@pytest.mark.parametrize("lines", REFUSED.values(), ids=REFUSED.keys())
async def test_ambiguous_requests_never_reach_a_replica(plane: Plane, lines: bytes) -> None:
    heads: list[bytes] = []
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        data = b"POST / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\nhello"
        assert status(await ask(served.port, data)) in (400, 501)
    assert heads == []


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET /" + b"a" * 70_000,
    ],
)
async def test_nonsense_is_refused_and_logged(plane: Plane, head: bytes) -> None:
    served = await plane.serve()
    assert status(await ask(served.port, head)) in (400, 431)
    assert " - - 4" in (await served.log_lines(1))[0]


async def test_a_bad_chunk_ends_the_request(plane: Plane) -> None:
    async with replica(answering(b"")) as upstream:
        served = await plane.serve(upstream.url)
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert status(await ask(served.port, head + b"5\r\nhelloGET")) == 400
        assert (await served.replica()).failures == 0


@pytest.mark.parametrize("kind", NO_BODY)
async def test_answers_without_a_body_leave_the_connection_usable(plane: Plane, kind: str) -> None:
    async with replica(answering(lambda head: OK if b"/2" in head else NO_BODY[kind])) as upstream:
        served = await plane.serve(upstream.url)
        method = "HEAD" if kind == "HEAD" else "GET"
        async with connection(served.port) as (reader, writer):
            writer.write(get("/1", method=method, close=False))
            assert without_id(await reader.readuntil(b"\r\n\r\n")) == NO_BODY[kind]
            writer.write(get("/2"))
            assert content(await reader.read()) == b"ok"
        assert upstream.connections == 1


async def test_chunks_pass_unchanged_and_the_connection_is_used_again(plane: Plane) -> None:
    async with replica(answering(CHUNKED)) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            for _ in range(2):
                writer.write(get(close=False))
                assert without_id(await reader.readuntil(b"\r\n0\r\n\r\n")) == CHUNKED
        assert upstream.connections == 1


async def test_trailers_pass(plane: Plane) -> None:
    body = b"1;q=1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    async with replica(answering(answer)) as upstream:
        served = await plane.serve(upstream.url)
        got = await ask(served.port, get())
    assert content(got) == body
    assert b"Trailer: X-Sum" in fields(got)


async def test_clients_of_http_1_0_never_get_chunks(plane: Plane) -> None:
    async with replica(answering(CHUNKED)) as upstream:
        served = await plane.serve(upstream.url)
        got = await ask(served.port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert content(got) == b"abcde"
    assert b"chunked" not in got
    assert b"Connection: close" in fields(got)


async def test_clients_of_http_1_0_may_keep_the_connection(plane: Plane) -> None:
    async with replica(answering(OK)) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert b"Connection: keep-alive" in fields(await reader.readuntil(b"\r\n\r\n"))
            assert await reader.readexactly(2) == b"ok"
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            assert content(await reader.read()) == b"ok"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_an_answer_that_ends_with_its_connection_is_whole(
    plane: Plane, version: bytes
) -> None:
    answer = b"HTTP/" + version + b" 200 OK\r\n\r\n" + b"x" * 300_000
    async with replica(answering(answer, close=True)) as upstream:
        served = await plane.serve(upstream.url)
        got = await ask(served.port, get(close=False))
    assert content(got) == b"x" * 300_000
    assert b"Connection: close" in fields(got)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000,
    ],
)
async def test_answers_that_are_not_valid_http_are_errors(plane: Plane, head: bytes) -> None:
    async with replica(answering(head)) as upstream:
        served = await plane.serve(upstream.url)
        assert status(await ask(served.port, get())) == 502
        assert (await served.replica()).failures == 1


async def test_interim_answers_pass(plane: Plane) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with replica(answering(hints + OK)) as upstream:
        served = await plane.serve(upstream.url)
        got = await ask(served.port, get())
        assert got.startswith(hints + b"HTTP/1.1 200 OK\r\n")
        old = await ask(served.port, b"GET / HTTP/1.0\r\n\r\n")
        assert status(old) == 200


async def test_a_client_that_expects_to_be_asked_sends_when_the_replica_asks(plane: Plane) -> None:
    async def ask_for_body(reader: StreamReader, writer: StreamWriter) -> None:
        assert b"Expect: 100-continue" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await reader.readexactly(5) == b"hello"
        writer.write(OK)

    async with replica(ask_for_body) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            lines = ["Expect: 100-continue", "Content-Length: 5"]
            writer.write(get("/", *lines, method="POST"))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hello")
            assert content(await reader.read()) == b"ok"


async def test_requests_sent_together_are_answered_in_order(plane: Plane) -> None:
    def echo(head: bytes) -> bytes:
        path = head.split(b" ")[1]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path)

    async with replica(answering(echo)) as upstream:
        served = await plane.serve(upstream.url)
        together = [get(f"/{n}", close=False) for n in range(20)]
        got = await ask(served.port, b"\r\n" + b"".join(together) + get("/last"))
    assert re.findall(rb"\r\n\r\n(/\d+|/last)", got) == [*(b"/%d" % n for n in range(20)), b"/last"]


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_chunked_uploads_stay_valid(plane: Plane, size: int) -> None:
    body = b"5;x=1\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
    received: list[bytes] = []

    async def take(reader: StreamReader, writer: StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        received.append(await reader.readexactly(len(body)))
        writer.write(OK)

    async with replica(take) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get("/", "Transfer-Encoding: chunked", method="POST"))
            for start in range(0, len(body), size):
                writer.write(body[start : start + size])
                await asyncio.sleep(0)
            assert content(await reader.read()) == b"ok"
    assert fields(received[0]).count(b"Transfer-Encoding: chunked") == 1
    assert b"content-length" not in received[0].lower()
    assert received[1] == body


async def test_what_follows_a_body_is_the_next_request(plane: Plane) -> None:
    heads: list[bytes] = []

    async def take(reader: StreamReader, writer: StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        if b"POST" in heads[-1]:
            assert await reader.readexactly(3) == b"abc"
        writer.write(OK)

    async with replica(take) as upstream:
        served = await plane.serve(upstream.url)
        first = get("/1", "Content-Length: 3", method="POST", close=False) + b"abc"
        got = await ask(served.port, first + get("/2"))
    assert got.count(b"200 OK") == 2
    assert [head.split(b" ")[1] for head in heads] == [b"/1", b"/2"]
