"""Requests repeated after time-outs and failures that were answered, within a budget."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import pytest

from lb.data import retry_budget
from tests.lb.in_process import serving
from tests.lb.test_retries import dead, echo
from tests.lb.wire import OK, answering, ask, connection, content, fields, get, replica, status

LIMIT = 0.2


async def never_answers(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.read()


def failing(code: int = 503) -> bytes:
    return b"HTTP/1.1 %d Sorry\r\nX-Why: load\r\nContent-Length: 4\r\n\r\nbusy" % code


async def test_a_replica_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    async with (
        replica(never_answers) as silent,
        serving(tmp_path, silent.url, timeout_seconds=LIMIT) as served,
    ):
        got = await ask(served.port, get())
        assert (status(got), b"ReplicaTimeout" in got) == (504, True)
        assert served.service.ready[0].failures == 1


@pytest.mark.parametrize(
    ("method", "retry", "expected"),
    [
        ("GET", "safe", {200}),
        ("POST", "safe", {200, 504}),
        ("POST", "all", {200}),
        ("GET", "none", {200, 504}),
    ],
)
async def test_only_what_may_not_be_repeated_costs_an_error(
    tmp_path: Path, method: str, retry: str, expected: set[int]
) -> None:
    async with (
        replica(never_answers) as silent,
        replica(answering(OK)) as good,
        serving(tmp_path, silent.url, good.url, timeout_seconds=LIMIT, retry=retry) as served,
    ):
        asked = [ask(served.port, get(method=method)) for _ in range(4)]
        assert {status(got) for got in await asyncio.gather(*asked)} == expected


async def test_one_that_never_answers_costs_a_busy_service_no_error(tmp_path: Path) -> None:
    codes: list[int] = []

    async def client(port: int) -> None:
        for _ in range(20):
            codes.append(status(await ask(port, get())))

    async with (
        replica(never_answers) as silent,
        replica(answering(OK)) as one,
        replica(answering(OK)) as other,
        serving(tmp_path, silent.url, one.url, other.url, timeout_seconds=LIMIT) as served,
    ):
        await asyncio.gather(*(client(served.port) for _ in range(10)))
        assert codes == [200] * 200
        assert silent.connections > 0


async def test_repeats_after_time_outs_stay_within_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_budget, "AT_LEAST", 1)
    async with (
        replica(never_answers) as one,
        replica(never_answers) as other,
        serving(tmp_path, one.url, other.url, timeout_seconds=LIMIT) as served,
    ):
        for connections in (2, 3, 4):
            assert status(await ask(served.port, get())) == 504
            assert one.connections + other.connections == connections
        assert served.service.budget.spent == 1


async def test_failed_connections_are_outside_of_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_budget, "AT_LEAST", 0)
    async with (
        replica(answering(OK)) as good,
        serving(tmp_path, dead(), dead(), dead(), good.url) as served,
    ):
        assert status(await ask(served.port, get(method="POST"))) == 200


async def test_the_time_begins_when_the_request_was_sent(tmp_path: Path) -> None:
    async with (
        replica(echo) as upstream,
        serving(tmp_path, upstream.url, timeout_seconds=LIMIT) as served,
        connection(served.port) as (reader, writer),
    ):
        writer.write(get("/", "Content-Length: 5", method="POST"))
        for letter in b"hello":
            await asyncio.sleep(LIMIT / 2)
            writer.write(bytes([letter]))
        assert content(await reader.read()) == b"hello"


async def test_an_answer_that_has_begun_may_take_its_time(tmp_path: Path) -> None:
    async def slow(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:-2])
        await asyncio.sleep(2 * LIMIT)
        writer.write(OK[-2:])

    async with (
        replica(slow) as upstream,
        serving(tmp_path, upstream.url, timeout_seconds=LIMIT) as served,
    ):
        assert content(await ask(served.port, get())) == b"ok"


@pytest.mark.parametrize("code", [502, 503, 504])
@pytest.mark.parametrize(
    ("method", "retry", "expected"),
    [("GET", "safe", False), ("POST", "all", False), ("POST", "safe", True), ("GET", "none", True)],
)
async def test_an_answer_that_says_that_a_replica_cannot_work_is_asked_for_elsewhere(
    tmp_path: Path, code: int, method: str, retry: str, expected: bool
) -> None:
    async with (
        replica(answering(failing(code))) as bad,
        replica(answering(OK)) as good,
        serving(tmp_path, bad.url, good.url, retry=retry) as served,
    ):
        codes = [status(await ask(served.port, get(method=method))) for _ in range(3)]
        assert (code in codes) is expected
        assert bad.connections > 0


@pytest.mark.parametrize("code", [429, 500, 501, 503])
async def test_answers_pass_if_nobody_else_can_be_asked(tmp_path: Path, code: int) -> None:
    async with (
        replica(answering(failing(code))) as bad,
        serving(tmp_path, bad.url, retry="all") as served,
    ):
        got = await ask(served.port, get())
        assert (status(got), content(got)) == (code, b"busy")
        assert b"X-Why: load" in fields(got)


async def test_errors_of_the_service_itself_are_not_repeated(tmp_path: Path) -> None:
    async with (
        replica(answering(failing(500))) as bad,
        replica(answering(OK)) as good,
        serving(tmp_path, bad.url, good.url, retry="all") as served,
    ):
        codes = [status(await ask(served.port, get())) for _ in range(4)]
        assert sorted(codes) == [200, 200, 500, 500]


async def test_answered_failures_pass_once_the_budget_is_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_budget, "AT_LEAST", 1)
    async with (
        replica(answering(failing())) as bad,
        replica(answering(failing())) as other,
        serving(tmp_path, bad.url, other.url, retry="all") as served,
    ):
        for _ in range(3):
            assert content(await ask(served.port, get())) == b"busy"
        requests = sum(upstream.requests for upstream in served.service.ready)
        assert (requests, served.service.budget.spent) == (4, 1)
