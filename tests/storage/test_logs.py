from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

import pytest

from skyflow.errors import StorageError
from skyflow.storage.log_reader import LogReader, LogStream
from skyflow.storage.log_segments import log_prefix
from skyflow.storage.log_writer import FLUSH_BYTES, LogWriter
from skyflow.storage.store import Store

PREFIX = log_prefix("hello", "1", 7, 0, "run")


async def text(store: Store) -> bytes:
    return b"".join([piece async for piece in LogReader(store).read(PREFIX)])


async def write(store: Store, pieces: Sequence[bytes], masked: Sequence[str] = ()) -> None:
    """Write pieces, each flushed by itself as far as it may be."""
    writer = LogWriter(store, PREFIX, masked)
    for piece in pieces:
        await writer.append(await writer.next_offset(), piece)
        await writer.flush()
    await writer.close()


async def test_a_log_reads_as_it_was_written(store: Store) -> None:
    await write(store, [b"one\ntwo", b" more\n", b"end"])
    assert await text(store) == b"one\ntwo more\nend"


async def test_small_pieces_wait_for_each_other(store: Store) -> None:
    writer = LogWriter(store, PREFIX)
    for number in range(100):
        await writer.append(number * 2, b"x\n")
    assert await store.list(PREFIX) == ()
    assert writer.due is not None
    assert writer.due <= time.monotonic() + 1
    await writer.append(200, b"y" * FLUSH_BYTES + b"\nrest")
    assert len(await store.list(PREFIX)) == 1
    assert (await text(store)).endswith(b"y\nrest")


async def test_bytes_that_are_known_are_ignored(store: Store) -> None:
    writer = LogWriter(store, PREFIX)
    await writer.append(0, b"0123")
    await writer.append(2, b"2345")
    await writer.append(0, b"01")
    await writer.close()
    assert await text(store) == b"012345"


async def test_a_gap_is_an_error(store: Store) -> None:
    with pytest.raises(StorageError, match="bytes 0 to 5 are missing"):
        await LogWriter(store, PREFIX).append(5, b"x")


async def test_a_new_writer_goes_on_where_the_stored_log_ends(store: Store) -> None:
    await write(store, [b"a secret\n"], masked=["secret"])
    assert await LogWriter(store, PREFIX).next_offset() == len(b"a secret\n")
    await write(store, [b"more\n"])
    assert await text(store) == b"a ***\nmore\n"


async def test_writers_at_the_same_time_make_one_log(store: Store) -> None:
    original = b"".join(b"line %d with a secret in it\n" % number for number in range(3000))

    async def ship(seed: int) -> None:
        dice = random.Random(seed)
        writer = LogWriter(store, PREFIX, ["secret"])
        offset = 0
        while offset < len(original):
            size = dice.randrange(1, 4000)
            await writer.append(offset, original[offset : offset + size])
            offset += size
            if dice.random() < 0.5:
                await writer.flush()
        await writer.close()

    await asyncio.gather(*(ship(seed) for seed in range(4)))
    assert await text(store) == original.replace(b"secret", b"***")


async def test_a_writer_that_was_frozen_adds_nothing_twice(store: Store) -> None:
    frozen = LogWriter(store, PREFIX)
    await frozen.append(0, b"one\ntwo\n")
    await write(store, [b"one\n", b"two\nthree\n"])
    await frozen.append(8, b"three\nfour\n")
    await frozen.close()
    assert await text(store) == b"one\ntwo\nthree\nfour\n"


@pytest.mark.parametrize("cut", range(1, 24))
async def test_a_secret_is_masked_wherever_the_log_is_cut(store: Store, cut: int) -> None:
    original = b"key=sk-12345 and sk-123!"
    await write(store, [original[:cut], original[cut:]], masked=["sk-12345", "sk-123"])
    assert await text(store) == b"key=*** and ***!"


async def test_a_secret_of_several_lines_is_masked(store: Store) -> None:
    secret = "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----\n"
    pieces = [line + b"\n" for line in secret.encode().splitlines()]
    await write(store, [b"begin\n", *pieces, b"end\n", b"> AAAABBBBCCCC\n"], masked=[secret])
    assert await text(store) == b"begin\n***\nend\n> ***\n"


async def test_a_line_that_does_not_end_is_stored_after_a_while(store: Store) -> None:
    writer = LogWriter(store, PREFIX, ["ssss"])
    await writer.append(0, b"loading ... ss")
    await writer.flush()
    assert await text(store) == b"loading ... "
    await writer.append(14, b"ss\n")
    await writer.flush()
    assert await text(store) == b"loading ... ***\n"


async def test_the_tail_of_a_log_and_what_follows_it_are_the_whole(store: Store) -> None:
    await write(store, [b"%d\n" % number for number in range(50)])
    tail = await LogReader(store).tail(PREFIX, 3)
    assert tail.data == b"47\n48\n49\n"
    await write(store, [b"50\n"])
    following = await tail.cursor.next()
    assert following is not None
    assert following.data == b"50\n"


async def test_the_tail_of_a_log_without_enough_lines_is_all_of_it(store: Store) -> None:
    await write(store, [b"1\n2"])
    assert (await LogReader(store).tail(PREFIX, 100)).data == b"1\n2"
    assert (await LogReader(store).tail(PREFIX, 0)).data == b""
    assert (await LogReader(store).tail("logs/none", 5)).cursor.offset == 0


async def test_the_logs_of_a_service_are_listed_by_number(store: Store) -> None:
    wanted = [(2, 0, "run"), (2, 0, "setup"), (2, 1, "run"), (10, 0, "run")]
    for replica, node, stream in reversed(wanted):
        prefix = log_prefix("hello", "1", replica, node, stream)
        await LogWriter(store, prefix).append(0, b"x" * FLUSH_BYTES)
    await store.put(log_prefix("hello", "2", 1, 0, "run") + "/0", b"")
    found = await LogReader(store).streams("hello", "1")
    assert found == tuple(LogStream(*each, log_prefix("hello", "1", *each)) for each in wanted)


async def test_what_is_no_segment_is_an_error(store: Store) -> None:
    await store.put(f"{PREFIX}/{0:020d}", b"rubbish")
    with pytest.raises(StorageError, match="not a log segment"):
        await text(store)
