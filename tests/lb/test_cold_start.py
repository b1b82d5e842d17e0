"""Requests that would wait in vain for a replica to be ready are told when to come back."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from dataclasses import replace as changed
from pathlib import Path

import pytest

from lb.data.cold_start import ColdStart
from lb.data.endpoint_checks import InvalidEndpointSet, check_endpoint_set
from lb.data.endpoints import Endpoint, EndpointSet, QueueLimits
from tests.lb.in_process import Served, serving
from tests.lb.plane import plain
from tests.lb.wire import OK, answering, ask, content, fields, get, replica, status
from tests.waiting import eventually

PATIENT = QueueLimits(max_requests=100, max_wait_seconds=60)
LONG = 1000.0


def test_what_remains_is_counted_from_the_first_sign_of_a_start() -> None:
    start = ColdStart()
    assert start.remaining(100, 0) is None
    start.awaited(10)
    start.awaited(30)
    assert start.remaining(100, 40) == 70
    assert start.remaining(None, 40) is None


def test_a_start_that_is_late_says_nothing() -> None:
    start = ColdStart()
    start.awaited(10)
    assert start.remaining(100, 109) == 1
    assert start.remaining(100, 110) is None


def test_each_start_counts_anew() -> None:
    start = ColdStart()
    start.awaited(10)
    start.over()
    assert start.remaining(100, 40) is None
    start.awaited(50)
    assert start.remaining(100, 60) == 90


def seconds_told(answer: bytes) -> int:
    """Return what a refused request is told to wait."""
    assert (status(answer), b"NoReplicaReady" in content(answer)) == (503, True)
    (told,) = [line for line in fields(answer) if line.startswith(b"Retry-After: ")]
    return int(told.split()[1])


async def waiting(served: Served) -> asyncio.Task[bytes]:
    """Return a request that waits in the queue."""
    asked = asyncio.create_task(ask(served.port, get()))
    await eventually(lambda: len(served.service.admission) == 1)
    return asked


async def test_a_request_that_would_wait_in_vain_is_answered_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path, queue=PATIENT, cold_start_seconds=LONG) as served:
        assert LONG - 30 < seconds_told(await ask(served.port, get())) <= LONG
        assert served.wakes == 1


async def test_a_request_that_can_be_answered_in_time_waits(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, queue=PATIENT, cold_start_seconds=50) as served,
        replica(answering(OK)) as upstream,
    ):
        asked = await waiting(served)
        await served.change(upstream.url)
        assert status(await asked) == 200


async def test_one_that_waits_keeps_its_place_when_others_are_refused(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, queue=PATIENT) as served,
        replica(answering(OK)) as upstream,
    ):
        asked = await waiting(served)
        await served.change(cold_start_seconds=LONG)
        assert seconds_told(await ask(served.port, get())) > LONG - 30
        await served.change(upstream.url)
        assert status(await asked) == 200


async def test_a_start_begins_when_the_last_ready_replica_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = "http://127.0.0.1:1", "http://127.0.0.1:2"
    async with serving(tmp_path, *urls, queue=PATIENT, cold_start_seconds=LONG) as served:
        await served.change(urls[0])
        await served.change()
        later(monkeypatch, 500)
        assert LONG - 530 < seconds_told(await ask(served.port, get())) <= LONG - 500


async def test_a_start_begins_with_a_request_if_the_last_replica_was_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://127.0.0.1:1"
    async with serving(tmp_path, url, queue=PATIENT, cold_start_seconds=LONG) as served:
        await served.change(draining=(Endpoint(1, url),))
        await served.change(draining=())
        later(monkeypatch, 500)
        assert LONG - 30 < seconds_told(await ask(served.port, get())) <= LONG


async def test_requests_wait_for_a_replica_that_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, queue=PATIENT, cold_start_seconds=LONG) as served:
        seconds_told(await ask(served.port, get()))
        later(monkeypatch, LONG)
        asked = await waiting(served)
        await served.change(removed=True)
        assert status(await asked) == 503


@pytest.mark.parametrize("queue", [None, QueueLimits(0, 60)])
async def test_one_that_finds_no_place_is_told_when_a_replica_comes(
    tmp_path: Path, queue: QueueLimits | None
) -> None:
    async with serving(tmp_path, queue=queue, cold_start_seconds=50) as served:
        assert 20 < seconds_told(await ask(served.port, get())) <= 50


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the time of cold starts be so many seconds on."""
    monkeypatch.setattr("lb.data.service.now", lambda: time.monotonic() + seconds)


def test_a_cold_start_is_kept_on_disk_and_has_a_length() -> None:
    written = json.dumps(asdict(changed(plain(), cold_start_seconds=7.5)))
    found = EndpointSet.checked(json.loads(written))
    assert found.cold_start_seconds == 7.5
    with pytest.raises(InvalidEndpointSet, match="cold start 0 is not greater than 0"):
        check_endpoint_set(EndpointSet.of({**asdict(found), "cold_start_seconds": 0}))
