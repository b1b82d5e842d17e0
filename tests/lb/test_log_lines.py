from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lb.data import access_log
from lb.data.access_log import AccessLogs
from lb.data.endpoints import EndpointSet
from lb.data.log_lines import json_line, text_line
from lb.data.record import COMPLETE, Record, unreadable
from tests.lb.plane import endpoint_set


def record(target: bytes = b"/v1?token=s3cret", request_id: bytes = b"r-1") -> Record:
    made = Record(b"POST", 5.25, request_id, b"127.0.0.1", target)
    made.status, made.replica_id, made.sent, made.received = 200, 3, 11, 22
    made.chosen_at, made.first_byte_at, made.ended_at = 5.5, 6.25, 7.25
    made.tries, made.ending = 2, COMPLETE
    return made


def test_a_text_line_says_it_in_a_row() -> None:
    assert text_line(record(), 1_700_000_000) == (
        "2023-11-14T22:13:25.250+00:00 127.0.0.1 POST /v1?token=REDACTED 200 11 replica=3"
        " ms=2000.0 id=r-1 tries=2 complete\n"
    )


def test_a_json_line_says_it_by_name() -> None:
    assert json.loads(json_line(record(), 1_700_000_000)) == {
        "time": "2023-11-14T22:13:25.250+00:00",
        "client": "127.0.0.1",
        "method": "POST",
        "target": "/v1?token=REDACTED",
        "status": 200,
        "replica": 3,
        "sent_bytes": 11,
        "received_bytes": 22,
        "seconds": 2.0,
        "queue_seconds": 0.25,
        "first_byte_seconds": 1.0,
        "tries": 2,
        "ending": "complete",
        "request_id": "r-1",
    }


@given(st.binary(max_size=50))
def test_a_line_is_one_line_whatever_a_client_asks_for(target: bytes) -> None:
    made = record(b"/" + target.translate(None, bytes(range(33)) + b"\x7f"))
    assert json.loads(json_line(made, 0))["status"] == 200
    assert text_line(made, 0).count("\n") == 1
    assert text_line(made, 0).count(" ") == 10


def test_a_head_that_is_not_valid_has_a_line() -> None:
    line = json.loads(json_line(unreadable(b"::1", 400, 9), 0))
    assert (line["method"], line["replica"], line["queue_seconds"]) == ("-", None, None)


@pytest.mark.parametrize(("form", "lines"), [("text", 1), ("json", 1), ("off", 0)])
async def test_each_service_has_the_log_it_wants(tmp_path: Path, form: str, lines: int) -> None:
    logs = AccessLogs(tmp_path)
    wanted = endpoint_set().model_copy(update={"access_log": form})
    logs.write(EndpointSet.of(wanted.model_dump()), record())
    await logs.close()
    path = logs.path("demo", "i1")
    found = path.read_text().splitlines() if path.exists() else []
    assert len(found) == lines
    assert all(line.startswith("{") is (form == "json") for line in found)


async def test_records_become_lines_before_there_are_many(tmp_path: Path) -> None:
    logs = AccessLogs(tmp_path)
    demo = EndpointSet.of(endpoint_set().model_dump())
    for _ in range(1000):
        logs.write(demo, record())
    await logs.close()
    assert len(logs.path("demo", "i1").read_text().splitlines()) == 1000


class Executor(ThreadPoolExecutor):
    """One thread, and the moment when work for it comes."""

    def __init__(self) -> None:
        super().__init__(1)
        self.submitted = asyncio.Event()

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.submitted.set()
        return super().submit(work, *args, **kwargs)


async def test_lines_whose_thread_has_not_begun_are_written_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "_FLUSH_SECONDS", 0)
    logs, executor, busy = AccessLogs(tmp_path), Executor(), threading.Event()
    executor.submit(busy.wait)
    executor.submitted.clear()
    asyncio.get_running_loop().set_default_executor(executor)
    running = asyncio.create_task(logs.run())
    logs.write(EndpointSet.of(endpoint_set().model_dump()), record())
    await executor.submitted.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    busy.set()
    await logs.close()
    assert len(logs.path("demo", "i1").read_text().splitlines()) == 1
