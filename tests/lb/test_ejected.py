"""Replicas that keep failing get no requests for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from lb.data import doubts, ejection
from lb.data.ejection import FAILURES
from tests.lb.in_process import Served, serving
from tests.lb.plane import free_port
from tests.lb.test_doubts import server
from tests.lb.test_retries import hang_up
from tests.lb.test_timeouts import failing, never_answers
from tests.lb.wire import OK, Replica, answering, ask, get, replica, status
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(ejection, "TOGETHER_SECONDS", 0)


async def ask_until_ejected(served: Served) -> None:
    """Ask with what is never repeated, so that each failure is seen."""
    for _ in range(10 * FAILURES):
        if served.service.measures.ejections:
            return
        await ask(served.port, get(method="POST"))
    raise AssertionError("no replica is passed over")


async def test_one_that_cannot_work_is_passed_over_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ejection, "EJECTION_SECONDS", 0.5)
    answers = [failing()]
    async with (
        replica(answering(lambda _: answers[0])) as bad,
        replica(answering(OK)) as good,
        serving(tmp_path, bad.url, good.url) as served,
    ):
        await ask_until_ejected(served)
        one, _ = served.service.ready
        assert (one.codes[503], one in served.service.ejections) == (FAILURES, True)
        answers[0] = OK
        while one in served.service.ejections:
            before = one.requests
            assert status(await ask(served.port, get())) == 200
            assert one.requests == before or one not in served.service.ejections
        await eventually(lambda: not served.service.doubts)
        codes = [status(await ask(served.port, get())) for _ in range(4)]
        assert (codes, one.codes[200]) == ([200] * 4, 2)


async def test_the_last_one_is_asked_in_spite_of_all(tmp_path: Path) -> None:
    async with (
        replica(answering(failing())) as bad,
        serving(tmp_path, bad.url) as served,
    ):
        for _ in range(3 * FAILURES):
            assert b"X-Why: load" in await ask(served.port, get(method="POST"))
        assert served.service.measures.ejections == 0


async def test_of_several_that_fail_one_is_kept(tmp_path: Path) -> None:
    async with (
        replica(answering(failing())) as one,
        replica(answering(failing())) as other,
        serving(tmp_path, one.url, other.url) as served,
    ):
        for _ in range(6 * FAILURES):
            assert status(await ask(served.port, get(method="POST"))) == 503
        assert len(served.service.ejections.ejected) == 1


async def test_one_that_is_passed_over_is_asked_if_it_is_all_there_is(tmp_path: Path) -> None:
    async with (
        replica(answering(failing())) as bad,
        replica(answering(OK)) as good,
        serving(tmp_path, bad.url, good.url) as served,
    ):
        await ask_until_ejected(served)
        await served.change(bad.url)
        assert status(await ask(served.port, get())) == 503
        assert len(served.service.ejections.ejected) == 1


async def test_connections_that_break_count_as_failures(tmp_path: Path) -> None:
    async with (
        replica(hang_up) as bad,
        replica(answering(OK)) as good,
        serving(tmp_path, bad.url, good.url) as served,
    ):
        await ask_until_ejected(served)
        assert bad.connections == FAILURES


async def test_time_outs_count_as_failures(tmp_path: Path) -> None:
    async with (
        replica(never_answers) as bad,
        replica(answering(OK)) as good,
        serving(tmp_path, bad.url, good.url, timeout_seconds=0.05) as served,
    ):
        await ask_until_ejected(served)
        assert bad.connections == FAILURES


async def test_one_whose_time_is_over_is_used_once_it_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ejection, "EJECTION_SECONDS", 0.1)
    answers, port = [failing()], free_port()
    upstream = Replica(answering(lambda _: answers[0]))
    async with (
        replica(answering(OK)) as good,
        serving(tmp_path, f"http://127.0.0.1:{port}", good.url) as served,
    ):
        async with server(upstream, port):
            await ask_until_ejected(served)
        await upstream.stop()
        await eventually(lambda: not served.service.ejections.ejected)
        one, _ = served.service.ready
        before = one.requests
        assert [status(await ask(served.port, get())) for _ in range(4)] == [200] * 4
        assert one.requests == before
        answers[0] = OK
        async with server(upstream, port):
            await eventually(lambda: not served.service.doubts)
            assert [status(await ask(served.port, get())) for _ in range(2)] == [200] * 2
            assert one.requests == before + 1
        await upstream.stop()
