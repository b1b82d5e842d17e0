"""A log is read whole, each byte once, however its writers, bundlers and readers interleave."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from skyflow.config import Settings
from skyflow.storage import log_writer
from skyflow.storage.log_bundles import bundle_segments
from skyflow.storage.log_cursor import LogCursor, cursor_at_end
from skyflow.storage.log_reader import LogReader
from skyflow.storage.log_segments import log_prefix
from skyflow.storage.log_writer import LogWriter
from skyflow.storage.store import Store
from tests.storage.interleaving import SteppedStore, interleave

PREFIX = log_prefix("hello", "1", 7, 0, "run")
ORIGINAL = b"".join(b"line %d, secret\n" % number for number in range(12))
STORED = ORIGINAL.replace(b"secret", b"***")


@pytest.fixture(autouse=True, scope="module")
def _small_bundles() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_writer, "BUNDLE_SEGMENTS", 3)
        patch.setattr(log_writer, "NOTE_SEGMENTS", 2)
        yield


async def write(store: Store, pieces: list[int]) -> None:
    writer = LogWriter(store, PREFIX, ["secret"])
    offset = 0
    for size in pieces:
        await writer.append(offset, ORIGINAL[offset : offset + size])
        await writer.flush()
        offset = min(offset + size, len(ORIGINAL))
    await writer.append(offset, ORIGINAL[offset:])
    await writer.close()


async def read(store: Store) -> None:
    got = b""
    cursor = LogCursor(store, PREFIX)
    for _ in range(40):
        if segment := await cursor.next():
            got += segment.data
            assert STORED.startswith(got)


@tried(max_examples=40, deadline=None)
@given(
    writers=st.lists(st.lists(st.integers(1, 90), max_size=15), min_size=1, max_size=3),
    bundlers=st.integers(0, 2),
    seed=st.integers(0, 2**32),
    crashes=st.sampled_from([0, 0.01, 0.05]),
)
def test_every_byte_is_read_once(
    writers: list[list[int]], bundlers: int, seed: int, crashes: float
) -> None:
    asyncio.run(_check(writers, bundlers, seed, crashes))


async def _check(writers: list[list[int]], bundlers: int, seed: int, crashes: float) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        settings = Settings(home=home)
        store = SteppedStore(settings)
        work = [write(store, pieces) for pieces in writers]
        work += [_bundle_always(store) for _ in range(bundlers)]
        work += [read(store), read(store)]
        await interleave(store, work, random.Random(seed), crashes)
        # Whatever crashed left a log that the next writer completes.
        whole = Store(settings)
        await write(whole, [40])
        assert b"".join([p async for p in LogReader(whole).read(PREFIX)]) == STORED
        assert (await cursor_at_end(whole, PREFIX)).offset == len(ORIGINAL)
        assert (await LogReader(whole).tail(PREFIX, 5)).data == b"".join(
            STORED.splitlines(keepends=True)[-5:]
        )
    finally:
        shutil.rmtree(home)


async def _bundle_always(store: Store) -> None:
    """Bundle whatever there is, from the last bundle on, again and again."""
    for _ in range(6):
        cursor = await cursor_at_end(store, PREFIX)
        await bundle_segments(store, PREFIX, cursor.bundled)
