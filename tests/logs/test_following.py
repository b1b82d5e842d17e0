"""Following the logs of a service in the store: each line once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from skyflow.config import Settings
from skyflow.errors import StorageError
from skyflow.sdk import log_lines, logs
from skyflow.sdk.log_lines import LogLine
from skyflow.sdk.logs import ServiceLogs
from skyflow.storage.log_bundles import bundle_segments
from skyflow.storage.log_segments import Segment, create_segment, log_prefix, offset_key
from skyflow.storage.store import Store

SECONDS = 30


class Log:
    """The log of a replica, written by hand."""

    def __init__(self, settings: Settings, replica_id: int = 1, stream: str = "run") -> None:
        self.store = Store(settings)
        self.prefix = log_prefix("hello", "0000aaaa", replica_id, 0, stream)
        self.offset = 0

    async def add(self, text: bytes) -> None:
        segment = Segment(self.offset, len(text), text)
        assert await create_segment(self.store, self.prefix, segment)
        self.offset = segment.end


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def log(settings: Settings) -> Log:
    return Log(settings)


@pytest.fixture
def ended() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def lines(settings: Settings, ended: asyncio.Event) -> AsyncIterator[LogLine]:
    return ServiceLogs(settings).lines("hello", "0000aaaa", ended=ended)


async def texts(lines: AsyncIterator[LogLine], count: int) -> list[str]:
    async with asyncio.timeout(SECONDS):
        return [(await anext(lines)).text for _ in range(count)]


async def rest(lines: AsyncIterator[LogLine], ended: asyncio.Event) -> list[str]:
    ended.set()
    return [line.text async for line in lines]


async def test_lines_of_a_new_replica_appear_by_themselves(
    settings: Settings, log: Log, lines: AsyncIterator[LogLine], ended: asyncio.Event
) -> None:
    await log.add(b"one\n")
    assert await texts(lines, 1) == ["one"]
    await Log(settings, replica_id=2).add(b"two\n")
    assert await texts(lines, 1) == ["two"]
    assert await rest(lines, ended) == []


async def test_what_is_bundled_meanwhile_is_shown_once(
    log: Log, lines: AsyncIterator[LogLine], ended: asyncio.Event
) -> None:
    await log.add(b"one\n")
    assert await texts(lines, 1) == ["one"]
    await log.add(b"two\n")
    await log.add(b"three\n")
    await bundle_segments(log.store, log.prefix, 0)
    await log.add(b"four\n")
    assert await texts(lines, 3) == ["two", "three", "four"]
    assert await rest(lines, ended) == []


async def test_a_store_that_cannot_be_read_for_a_while_costs_no_line(
    settings: Settings, log: Log, lines: AsyncIterator[LogLine], ended: asyncio.Event
) -> None:
    await log.add(b"one\n")
    assert await texts(lines, 1) == ["one"]
    broken = settings.store / offset_key(log.prefix, log.offset)
    broken.write_bytes(b"rubbish")
    waiting = asyncio.create_task(texts(lines, 1))
    await asyncio.wait([waiting], timeout=3 * logs.LOOK_SECONDS)
    broken.unlink()
    await log.add(b"two\n")
    assert await waiting == ["two"]
    assert await rest(lines, ended) == []


async def test_a_store_that_stays_broken_is_told(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, log: Log, lines: AsyncIterator[LogLine]
) -> None:
    monkeypatch.setattr(logs, "STORE_SECONDS", 0.5)
    await log.add(b"one\n")
    assert await texts(lines, 1) == ["one"]
    (settings.store / offset_key(log.prefix, log.offset)).write_bytes(b"rubbish")
    with pytest.raises(StorageError):
        await texts(lines, 1)


async def test_what_comes_last_is_shown_although_it_has_ended(
    log: Log, lines: AsyncIterator[LogLine], ended: asyncio.Event
) -> None:
    await log.add(b"one\n")
    assert await texts(lines, 1) == ["one"]
    await log.add(b"terminating\nbye")
    assert await rest(lines, ended) == ["terminating", "bye"]


@pytest.mark.parametrize("cut", range(1, 12))
async def test_a_line_is_one_line_wherever_its_log_is_cut(
    log: Log, lines: AsyncIterator[LogLine], ended: asyncio.Event, cut: int
) -> None:
    text = "é1\r\n50%\r99%\n".encode()
    await log.add(text[:cut])
    await log.add(text[cut:])
    assert await rest(lines, ended) == ["é1", "50%", "99%"]


async def test_a_line_without_end_does_not_fill_memory(
    monkeypatch: pytest.MonkeyPatch,
    log: Log,
    lines: AsyncIterator[LogLine],
    ended: asyncio.Event,
) -> None:
    monkeypatch.setattr(log_lines, "LONGEST_LINE_BYTES", 9)
    await log.add("ééééééé".encode())
    assert await texts(lines, 1) == ["éééé"]
    assert await rest(lines, ended) == ["ééé"]
