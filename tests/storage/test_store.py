from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from skyflow.errors import StorageError
from skyflow.storage.store import Store


async def test_an_object_reads_as_it_was_written(store: Store) -> None:
    await store.put("a/b/c", b"old")
    await store.put("a/b/c", b"new")
    assert await store.get("a/b/c") == b"new"
    assert await store.exists("a/b/c")


async def test_of_exclusive_writers_one_wins(store: Store) -> None:
    contents = [b"%d" % number for number in range(20)]
    won = await asyncio.gather(*(store.put("key", each, overwrite=False) for each in contents))
    assert won.count(True) == 1
    assert await store.get("key") == contents[won.index(True)]


async def test_a_missing_object_is_an_error_with_a_remedy(store: Store) -> None:
    with pytest.raises(StorageError, match="has no a/b") as caught:
        await store.get("a/b")
    assert caught.value.remedy
    assert await store.find("a/b") is None
    assert not await store.exists("a/b")


async def test_a_large_file_is_streamed_in_pieces(store: Store, tmp_path: Path) -> None:
    content = os.urandom(7_000_000)
    (tmp_path / "file").write_bytes(content)
    assert await store.put_file("large", tmp_path / "file")
    pieces = [piece async for piece in store.stream("large")]
    assert b"".join(pieces) == content
    assert len(pieces) > 1


async def test_a_file_that_is_there_is_kept_if_asked(store: Store, tmp_path: Path) -> None:
    await store.put("key", b"first")
    (tmp_path / "file").write_bytes(b"second")
    assert not await store.put_file("key", tmp_path / "file", overwrite=False)
    assert await store.get("key") == b"first"


async def test_a_listing_is_sorted_and_ends_at_path_segments(store: Store) -> None:
    for key in ("logs/b", "logs/a/2", "logs/a/1", "logs-of-others/c"):
        await store.put(key, b"xx")
    listing = await store.list("logs")
    assert [(each.key, each.size) for each in listing] == [
        ("logs/a/1", 2),
        ("logs/a/2", 2),
        ("logs/b", 2),
    ]
    assert await store.directories("logs") == ("logs/a",)
    assert await store.list("nothing") == ()


async def test_deleting_a_directory_leaves_the_others(store: Store) -> None:
    for key in ("services/1/spec/a", "services/1/b", "services/10/c", "services/2/spec/b"):
        await store.put(key, b"")
    await store.delete_prefix("services/1")
    await store.delete_prefix("services/1")
    assert await store.directories("services") == ("services/10", "services/2")


async def test_objects_are_deleted_by_name(store: Store) -> None:
    for key in ("a/1", "a/2", "a/3"):
        await store.put(key, b"x")
    await store.delete(["a/1", "a/3", "a/none"])
    await store.delete([])
    assert await store.names("a") == ("a/2",)


async def test_nothing_is_found_where_nothing_was_written(store: Store) -> None:
    assert await store.find("a") is None
    assert not await store.exists("a")
    assert not await store.list("a")
    assert (await store.names("a"), await store.directories("a")) == ((), ())
    await store.delete(["a"])
    await store.delete_prefix("a")


@pytest.mark.parametrize("key", ["", "/", "../outside", "a/../../b", "a//b", "/etc/passwd", "a/."])
async def test_no_key_leads_out_of_the_store(store: Store, key: str) -> None:
    for attempt in (store.put(key, b""), store.get(key), store.delete_prefix(key)):
        with pytest.raises(StorageError):
            await attempt
