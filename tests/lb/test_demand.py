"""What is asked of services, on real sockets: for an autoscaler and for Prometheus."""

from __future__ import annotations

import asyncio
import json
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from lb.reports import LoadQuestion
from skyflow.load import LoadReport, ServiceLoad
from skyflow.state import QueueLimits
from tests.lb.control_plane import Control, control_process
from tests.lb.plane import Plane, Served, endpoints
from tests.lb.test_endpoint_sets import Slow, named
from tests.lb.wire import answering, ask, connection, get, replica, status
from tests.waiting import eventually

LONG = 50.0
"""Seconds of a wait that a test must not sit out."""


async def load_of(served: Served) -> ServiceLoad:
    report = await served.api.load(LoadQuestion())
    return report.total(served.endpoints.service, served.endpoints.incarnation)


async def ended(served: Served, count: int) -> ServiceLoad:
    async def enough() -> ServiceLoad | None:
        load = await load_of(served)
        return load if load.ended >= count else None

    return await eventually(enough) or await load_of(served)


async def test_requests_are_in_the_load(plane: Plane) -> None:
    async with replica(named(b"x")) as upstream:
        served = await plane.serve(upstream.url)
        for _ in range(3):
            await ask(served.port, get())
        load = await ended(served, 3)
    assert (load.arrived, load.in_flight, load.queued, load.ready_replicas) == (3, 0, 0, 1)
    assert (load.latency.count, load.first_byte.count, load.queue_wait.count) == (3, 3, 3)


async def test_a_request_that_is_not_over_is_in_flight(plane: Plane) -> None:
    slow = Slow()
    async with replica(slow) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\nabc")
            load = await load_of(served)
            assert (load.arrived, load.ended, load.in_flight) == (1, 0, 1)
            assert load.replica_in_flight == {1: 1}
            slow.finish.set()
            await reader.read()


async def test_a_replica_that_refuses_is_an_ejection_and_a_retry(plane: Plane) -> None:
    async with replica(named(b"x")) as gone:
        dead = gone.url
    async with replica(named(b"x")) as upstream:
        served = await plane.serve(dead, upstream.url, load_balancing_policy="round_robin")
        await ask(served.port, get())
        await ask(served.port, get())
        load = await ended(served, 2)
    assert (load.ejections, load.retries) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"application/json", b'{"usage":{"prompt_tokens":7,"completion_tokens":5}}'),
        (
            b"text/event-stream; charset=utf-8",
            b'data: {"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\ndata: [DONE]\n\n',
        ),
    ],
)
@pytest.mark.parametrize("chunk", [0, 9])
async def test_tokens_of_answers_are_counted(
    plane: Plane, kind: bytes, body: bytes, chunk: int
) -> None:
    framing = b"Transfer-Encoding: chunked" if chunk else b"Content-Length: %d" % len(body)
    pieces = [body[at : at + chunk] for at in range(0, len(body), chunk or len(body))]
    raw = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s\r\n\r\n" % (kind, framing)
    async with replica(answering(head + (raw if chunk else body))) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get())
        load = await ended(served, 1)
    assert (load.prompt_tokens, load.completion_tokens) == (7, 5)
    assert load.stream.count == (1 if b"event" in kind else 0)


async def test_tokens_at_the_end_of_a_long_stream_are_counted(plane: Plane) -> None:
    events = [b'data: {"choices":[{"delta":"%d"}],"usage":null}\n\n' % n for n in range(50)]
    events += [b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n']
    events += [b"data: [DONE]\n\n"]

    async def stream(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        for event in events:
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await reader.read()

    async with replica(stream) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get())
        load = await ended(served, 1)
    assert (load.prompt_tokens, load.completion_tokens, load.stream.count) == (7, 5, 1)


async def test_the_first_request_without_a_replica_is_told_at_once(plane: Plane) -> None:
    served = await plane.serve()
    before = await served.api.load(LoadQuestion())
    question = LoadQuestion(after=before.cursor, wait=LONG)
    waiting = asyncio.create_task(served.api.load(question))
    await ask(served.port, get())
    async with asyncio.timeout(LONG / 2):
        after = await waiting
    assert after.since(before).total("", "") == ServiceLoad(service="", incarnation="")
    name = (served.endpoints.service, served.endpoints.incarnation)
    assert after.since(before).total(*name).arrived == 1


async def test_a_request_that_waits_is_told_at_once_and_its_wait_is_measured(plane: Plane) -> None:
    async with replica(named(b"x")) as upstream:
        served = await plane.serve(queue=QueueLimits(max_requests=5, max_wait_seconds=LONG))
        before = await served.api.load(LoadQuestion())
        waiting = asyncio.create_task(ask(served.port, get()))
        async with asyncio.timeout(LONG / 2):
            await served.api.load(LoadQuestion(after=before.cursor, wait=LONG))
        load = await load_of(served)
        assert (load.queued, load.in_flight, load.ready_replicas) == (1, 0, 0)
        await eventually(lambda: waits(served, 0.1))
        await served.change(endpoints=endpoints(upstream.url))
        await waiting
        load = await ended(served, 1)
    assert (load.queued, load.oldest_wait_seconds) == (0, 0)
    assert load.queue_wait.seconds >= 0.1
    assert load.latency.seconds >= load.queue_wait.seconds


async def waits(served: Served, seconds: float) -> bool:
    return (await load_of(served)).oldest_wait_seconds > seconds


async def test_many_requests_at_once_wake_once(plane: Plane) -> None:
    served = await plane.serve(queue=QueueLimits(max_requests=200, max_wait_seconds=LONG))
    before, began = await plane.api.load(LoadQuestion()), time.monotonic()
    asked = [asyncio.create_task(ask(served.port, get())) for _ in range(200)]

    async def all_wait() -> bool:
        return (await load_of(served)).queued == 200

    await eventually(all_wait)
    after = await plane.api.load(LoadQuestion())
    # One for each second that it took them to come, and no more.
    assert 1 <= wakes(after) - wakes(before) <= 1 + time.monotonic() - began
    await served.change(removed=True)
    await asyncio.gather(*asked)


async def test_a_replica_that_cannot_be_reached_is_no_reason_to_wake(plane: Plane) -> None:
    async with replica(named(b"x")) as gone:
        dead = gone.url
    served = await plane.serve(dead)
    before = await plane.api.load(LoadQuestion())
    assert status(await ask(served.port, get())) == 503
    assert wakes(await plane.api.load(LoadQuestion())) == wakes(before)


def wakes(report: LoadReport) -> int:
    return sum(load.wakes for load in report.processes)


async def test_whoever_is_woken_sees_the_request_that_waits_for_its_content(plane: Plane) -> None:
    limits = QueueLimits(max_requests=5, max_wait_seconds=LONG)
    served = await plane.serve(queue=limits, load_balancing_policy="prefix_affinity")
    before = await plane.api.load(LoadQuestion())
    async with connection(served.port) as (_, writer):
        writer.write(get("/", "Content-Length: 5", method="POST"))
        async with asyncio.timeout(LONG / 2):
            after = await plane.api.load(LoadQuestion(after=before.cursor, wait=LONG))
    assert after.total(served.endpoints.service, served.endpoints.incarnation).queued == 1


async def test_one_who_has_seen_nothing_of_this_process_does_not_wait(plane: Plane) -> None:
    async with asyncio.timeout(LONG / 2):
        report = await plane.api.load(LoadQuestion(after="another:7", wait=LONG))
    assert report.processes


async def test_without_news_the_answer_comes_when_the_time_is_over(plane: Plane) -> None:
    before = await plane.api.load(LoadQuestion())
    after = await plane.api.load(LoadQuestion(after=before.cursor, wait=0.1))
    assert after.cursor == before.cursor
    assert after.merged(before) == after


async def test_the_access_log_can_be_json(plane: Plane) -> None:
    async with replica(named(b"x")) as upstream:
        served = await plane.serve(upstream.url, access_log="json")
        await ask(
            served.port,
            get("/v1?api_key=s3cret", "Authorization: Bearer s3cret", "X-Request-ID: r-7"),
        )
        (line,) = await served.log_lines(1)
    found = json.loads(line)
    assert (found["status"], found["replica"], found["target"]) == (200, 1, "/v1?api_key=REDACTED")
    assert found["request_id"] == "r-7"
    assert 0 <= found["queue_seconds"] <= found["first_byte_seconds"] <= found["seconds"]
    assert "s3cret" not in line


@pytest.fixture(scope="module")
async def control(temporal: Client, running_plane: Plane) -> AsyncIterator[Control]:
    async with control_process(temporal, running_plane.api, running_plane.home) as running:
        yield running


async def test_the_load_is_on_the_admin_port(control: Control, plane: Plane) -> None:
    served = await plane.serve()
    _, text = await control.admin_get("/load")
    cursor = json.loads(text)["cursor"]
    waiting = asyncio.create_task(control.admin_get(f"/load?after={cursor}&wait={LONG}"))
    await ask(served.port, get())
    async with asyncio.timeout(LONG / 2):
        code, text = await waiting
    assert code == 200
    report = LoadReport.model_validate_json(text)
    name = (served.endpoints.service, served.endpoints.incarnation)
    assert report.total(*name).arrived == 1


async def test_a_wrong_question_is_told_what_is_wrong(control: Control) -> None:
    code, text = await control.admin_get("/load?wait=3600")
    assert code == 400
    assert "wait: Input should be less than or equal to 60" in text


async def test_metrics_tell_tokens_streams_and_retries(control: Control, plane: Plane) -> None:
    body = b'data: {"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
    async with replica(answering(head % len(body) + body)) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get())
        await ended(served, 1)
        _, text = await control.admin_get("/metrics")
    label = f'service="{served.endpoints.service}"'
    assert f'skyflow_tokens_total{{kind="prompt",{label}}} 7.0' in text
    assert f'skyflow_tokens_total{{kind="completion",{label}}} 5.0' in text
    for name in ("request_duration", "time_to_first_byte", "queue_wait", "stream_duration"):
        assert f'skyflow_{name}_seconds_bucket{{le="+Inf",{label}}} 1.0' in text
    for name in ("retries_total", "ejections_total", "queue_length"):
        assert f"skyflow_{name}{{{label}}} 0.0" in text
