from __future__ import annotations

import stat
from pathlib import Path

import pytest

from skyflow.config import Settings
from skyflow.errors import StorageError, StorageUnavailable
from skyflow.storage.store import Store
from tests.limits import largest_file


async def test_deleting_leaves_neither_objects_nor_directories(
    local_store: Store, settings: Settings
) -> None:
    await local_store.put("services/1/spec/a", b"")
    await local_store.put("services/2/spec/b", b"")
    await local_store.delete_prefix("services/1")
    assert [path.name for path in (settings.store / "services").iterdir()] == ["2"]


async def test_directories_are_private(local_store: Store, settings: Settings) -> None:
    await local_store.put("a/b/c", b"")
    for path in (settings.store, settings.store / "a", settings.store / "a" / "b"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


async def test_an_object_that_cannot_be_written_whole_leaves_the_old_one(
    local_store: Store, settings: Settings
) -> None:
    await local_store.put("a/b", b"old")
    with largest_file(1000), pytest.raises(StorageUnavailable) as caught:
        await local_store.put("a/b", bytes(5000))
    assert await local_store.get("a/b") == b"old"
    assert [path.name for path in (settings.store / "a").iterdir()] == ["b"]
    assert str(settings.store) in caught.value.message
    assert caught.value.message.endswith("File too large")


async def test_a_place_that_cannot_be_written_is_an_error(
    local_store: Store, settings: Settings
) -> None:
    (settings.store / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot write file/below"):
        await local_store.put("file/below", b"")


def test_a_store_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot open"):
        Store(Settings(home=tmp_path / "file"))
