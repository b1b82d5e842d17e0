from __future__ import annotations

import asyncio

from lb.data.measures import OTHER_STATUS, REPLICAS_KEPT, STATUSES_KEPT, Measures
from lb.data.record import UPGRADED, Record
from lb.data.wakes import Wakes


def record(status: int = 200, replica_id: int | None = 1) -> Record:
    made = Record(b"GET", 10.0, b"", b"127.0.0.1", b"/")
    made.status, made.replica_id, made.ended_at = status, replica_id, 12.0
    if replica_id is not None:
        made.chosen_at, made.first_byte_at, made.tries = 10.5, 11.0, 1
    return made


def test_a_request_is_measured_by_each_of_its_times() -> None:
    measures = Measures(Wakes())
    measures.ended(record())
    measures.settle()
    assert measures.requests == {None: {}, 1: {200: 1}}
    assert measures.queue_wait.microseconds == 500_000
    assert measures.first_byte.microseconds == 1_000_000
    assert measures.latency.microseconds == 2_000_000
    assert measures.stream.microseconds == 0


def test_requests_are_counted_a_few_at_a_time() -> None:
    measures = Measures(Wakes())
    for _ in range(100):
        measures.ended(record())
    assert 50 < measures.finished < 100
    measures.settle()
    measures.settle()
    assert measures.finished == 100


def test_a_stream_lasts_from_its_first_byte() -> None:
    measures, made = Measures(Wakes()), record()
    made.streamed = True
    measures.ended(made)
    measures.settle()
    assert measures.stream.microseconds == 1_000_000


def test_a_tunnel_says_nothing_of_latency() -> None:
    measures, made = Measures(Wakes()), record(101)
    made.ending = UPGRADED
    measures.ended(made)
    measures.settle()
    assert (measures.latency.microseconds, measures.stream.microseconds) == (0, 1_000_000)


def test_an_answer_without_a_replica_says_nothing_of_latency() -> None:
    measures = Measures(Wakes())
    measures.ended(record(503, None))
    measures.settle()
    assert measures.requests == {None: {503: 1}}
    assert sum(measures.latency.counts) == 0
    assert measures.queue_wait.microseconds == 2_000_000


def test_further_tries_are_retries() -> None:
    measures, made = Measures(Wakes()), record()
    made.tries = 3
    measures.ended(made)
    measures.settle()
    assert measures.retries == 2


def test_the_number_of_replicas_and_statuses_counted_apart_is_bounded() -> None:
    measures = Measures(Wakes())
    for number in range(REPLICAS_KEPT + 5):
        measures.answered(number, 200)
    assert len(measures.requests) == REPLICAS_KEPT + 1
    assert None in measures.requests
    assert 0 not in measures.requests
    for status in range(100, 100 + STATUSES_KEPT + 5):
        measures.answered(None, status)
    assert measures.requests[None][OTHER_STATUS] == 5


async def test_a_request_to_a_service_without_replicas_wakes_at_most_once_a_second() -> None:
    wakes = Wakes()
    measures = Measures(wakes)
    waiting = asyncio.create_task(wakes.wait(0, 60))
    await asyncio.sleep(0)
    for _ in range(100):
        measures.arrived()
    await asyncio.wait_for(waiting, 10)
    assert (wakes.count, measures.arrivals) == (1, 100)


async def test_a_wake_between_two_waits_is_not_missed() -> None:
    wakes = Wakes()
    Measures(wakes).arrived()
    await asyncio.wait_for(wakes.wait(0, 60), 10)


def test_a_request_to_a_service_with_replicas_wakes_nobody() -> None:
    wakes = Wakes()
    measures = Measures(wakes)
    measures.ready = 1
    measures.arrived()
    assert wakes.count == 0
