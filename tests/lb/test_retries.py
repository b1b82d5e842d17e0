"""One replica's loss costs no client an error; no request is done twice."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from tests.lb.plane import Plane, free_port
from tests.lb.wire import OK, answering, ask, connection, content, fields, get, replica, status
from tests.waiting import eventually


def dead() -> str:
    return f"http://127.0.0.1:{free_port()}"


async def hang_up(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def test_without_a_ready_replica_the_client_is_told_when_to_come_back(plane: Plane) -> None:
    served = await plane.serve()
    got = await ask(served.port, get())
    assert status(got) == 503
    assert b"Retry-After: 5" in fields(got)
    assert b"NoReplicaReady" in content(got)
    assert content(await ask(served.port, get(method="HEAD"))) == b""
    assert (await served.counters()).codes == {"503": 2}


async def test_when_all_refuse_the_client_is_told_at_once(plane: Plane) -> None:
    served = await plane.serve(dead(), dead(), dead())
    begin = time.monotonic()
    got = await ask(served.port, get(method="POST"))
    assert status(got) == 503
    assert b"Retry-After: 1" in fields(got)
    assert time.monotonic() - begin < 1
    assert "tries=3" in (await served.log_lines(1))[0]


@pytest.mark.parametrize("policy", ["least_load", "round_robin"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_replica_that_refuses_costs_no_error_and_is_not_asked_each_time(
    plane: Plane, policy: str, method: str
) -> None:
    async with replica(answering(OK)) as upstream:
        served = await plane.serve(dead(), upstream.url, load_balancing_policy=policy)
        for _ in range(20):
            assert status(await ask(served.port, get(method=method))) == 200
        assert (await served.replica(1)).requests == 1


async def test_a_replica_that_came_back_is_used_again(plane: Plane) -> None:
    port = free_port()
    async with replica(answering(OK)) as upstream:
        served = await plane.serve(f"http://127.0.0.1:{port}", upstream.url)
        await ask(served.port, get())
        assert (await served.replica(1)).failures == 1
        server = await asyncio.start_server(upstream.handle, "127.0.0.1", port)
        async with server:

            async def used() -> bool:
                await ask(served.port, get())
                return bool((await served.replica(1)).codes)

            await eventually(used, seconds=5)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_an_idempotent_request_that_breaks_goes_to_another_replica(
    plane: Plane, method: str
) -> None:
    async with replica(hang_up) as bad, replica(answering(OK)) as good:
        served = await plane.serve(bad.url, good.url)
        for _ in range(4):
            assert status(await ask(served.port, get(method=method))) == 200
        assert bad.connections > 0


@pytest.mark.parametrize(("retry", "expected"), [("safe", 502), ("all", 200), ("none", 502)])
async def test_a_post_that_may_have_been_done_is_repeated_only_if_the_service_says_so(
    plane: Plane, retry: str, expected: int
) -> None:
    async with replica(hang_up) as bad, replica(echo) as good:
        served = await plane.serve(bad.url, good.url, retry=retry)
        got = await ask(served.port, get("/", "Content-Length: 5", method="POST") + b"hello")
        assert status(got) == expected
        assert (bad.connections, good.connections) == (1, 1 if expected == 200 else 0)
        assert expected != 200 or content(got) == b"hello"


async def test_nothing_that_was_sent_is_repeated_if_the_service_says_so(plane: Plane) -> None:
    async with replica(hang_up) as bad, replica(answering(OK)) as good:
        served = await plane.serve(bad.url, good.url, retry="none")
        assert status(await ask(served.port, get())) == 502
        refusing = await plane.serve(dead(), good.url, retry="none")
        assert status(await ask(refusing.port, get())) == 200


async def test_a_body_too_long_to_keep_is_not_repeated(plane: Plane) -> None:
    async def hang_up_late(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(100_000)

    async with replica(hang_up_late) as bad, replica(answering(OK)) as good:
        served = await plane.serve(bad.url, good.url, retry="all")
        request = get("/", "Content-Length: 100000", method="PUT") + b"x" * 100_000
        assert status(await ask(served.port, request)) == 502
        assert good.connections == 0


async def test_one_request_never_goes_twice_to_one_replica(plane: Plane) -> None:
    async with AsyncExitStack() as stack:
        bad = [await stack.enter_async_context(replica(hang_up)) for _ in range(3)]
        served = await plane.serve(*(upstream.url for upstream in bad), retry="all")
        assert status(await ask(served.port, get())) == 502
        assert [upstream.connections for upstream in bad] == [1, 1, 1]


async def test_a_begun_answer_is_never_repeated(plane: Plane) -> None:
    async with (
        replica(answering(b"HTTP/1.1 20", close=True)) as bad,
        replica(answering(OK)) as good,
    ):
        served = await plane.serve(bad.url, good.url, retry="all")
        assert status(await ask(served.port, get())) == 502
        assert good.connections == 0


async def test_a_short_answer_that_is_cut_costs_no_error(plane: Plane) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
    async with replica(answering(cut, close=True)) as bad, replica(answering(OK)) as good:
        served = await plane.serve(bad.url, good.url)
        for _ in range(4):
            assert content(await ask(served.port, get())) == b"ok"
        assert bad.connections > 0
        assert content(await ask(served.port, get(method="HEAD"))) == b""


async def test_a_cut_answer_is_not_asked_for_again_where_it_came_from(plane: Plane) -> None:
    async def cut_the_second(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:-1])

    async with replica(cut_the_second) as upstream:
        served = await plane.serve(upstream.url)
        assert [status(await ask(served.port, get())) for _ in range(2)] == [200, 502]
        assert upstream.connections == 1


@pytest.mark.parametrize("retry", ["safe", "none"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("announced", [False, True])
async def test_a_stale_connection_costs_no_error(
    plane: Plane, method: str, announced: bool, retry: str
) -> None:
    requests = 0

    async def one_each(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.write(OK)
        if not announced:
            # Closed at the very moment at which the next request comes.
            await reader.readexactly(1)

    async with replica(one_each) as upstream:
        served = await plane.serve(upstream.url, retry=retry)
        for number in range(1, 5):
            assert status(await ask(served.port, get(method=method))) == 200
            assert requests == number


async def test_connections_are_used_again(plane: Plane) -> None:
    async with replica(answering(OK)) as upstream:
        served = await plane.serve(upstream.url)
        for _ in range(5):
            await ask(served.port, get())
        assert upstream.connections == 1


async def test_bytes_after_an_answer_are_not_the_next_answer(plane: Plane) -> None:
    async with replica(answering(OK + b"HTTP/1.1 200 OK\r\nX: evil\r\n\r\n")) as upstream:
        served = await plane.serve(upstream.url)
        for _ in range(3):
            assert b"evil" not in await ask(served.port, get())
        assert upstream.connections == 3


async def test_killed_replicas_cost_no_error_under_load(plane: Plane) -> None:
    async with AsyncExitStack() as stack:
        ports = [free_port() for _ in range(3)]
        processes = [await stack.enter_async_context(server(port)) for port in ports]
        served = await plane.serve(*(f"http://127.0.0.1:{port}" for port in ports))
        stop, codes = asyncio.Event(), list[int]()
        load = asyncio.create_task(steady_gets(served.url, stop, codes))
        for victim in processes[:2]:
            victim.kill()
            await victim.wait()
            enough = len(codes) + 200
            await eventually(lambda: len(codes) >= enough or load.done(), what="more answers")  # noqa: B023
        stop.set()
        await load
    assert set(codes) == {200}


async def echo(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(5)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body)


async def steady_gets(url: str, stop: asyncio.Event, codes: list[int]) -> None:
    """Ask again and again over ten connections, and note the status of each answer."""

    async def client(session: aiohttp.ClientSession) -> None:
        while not stop.is_set():
            async with session.get(url) as response:
                await response.read()
                codes.append(response.status)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(client(session) for _ in range(10)))


@asynccontextmanager
async def server(port: int) -> AsyncIterator[Process]:
    """Run Python's own HTTP server in a process."""
    arguments = ["-m", "http.server", str(port), "--bind", "127.0.0.1"]
    process = await create_subprocess_exec(sys.executable, *arguments, stdout=PIPE, stderr=PIPE)

    async def listens() -> bool:
        try:
            async with connection(port):
                return True
        except ConnectionRefusedError:
            return False

    try:
        await eventually(listens)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
