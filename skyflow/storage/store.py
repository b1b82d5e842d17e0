"""The store: objects by key in a directory."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore

from skyflow.config import Settings
from skyflow.durable_files import sync_tree
from skyflow.errors import StorageError, StorageUnavailable
from skyflow.system_errors import reason, remedy

_CHUNK_BYTES = 1024 * 1024
"""Size of the pieces in which an object is streamed."""


@dataclass(frozen=True, order=True)
class ObjectInfo:
    """One object of a listing."""

    key: str
    size: int
    """Size in bytes."""
    modified: float
    """Time (Unix, seconds) of the last change."""


class Store:
    """Objects by key. Writing one is atomic: a reader sees all of it or nothing."""

    def __init__(self, settings: Settings) -> None:
        self._directory = settings.store
        with _reported(self._directory, "open"):
            _make_private(self._directory)
            self._objects = LocalStore(self._directory)

    async def put(self, key: str, data: bytes, overwrite: bool = True) -> bool:
        """Write an object; return False if it exists and must not be overwritten.

        Raises:
            StorageError: It could not be written.

        """
        return await self._put(key, data, overwrite)

    async def put_file(self, key: str, path: Path, overwrite: bool = True) -> bool:
        """Write a file's content as an object; return False as `put` does.

        Raises:
            StorageError: It could not be written.

        """
        if not overwrite and await self.exists(key):
            return False
        # Always by way of a temporary object: exclusive creation would hold the file in memory.
        return await self._put(key, path, overwrite=True)

    async def get(self, key: str) -> bytes:
        """Return the content of an object.

        Raises:
            StorageError: There is none, or it could not be read.

        """
        with self._reported("read", _checked(key)):
            result = await obstore.get_async(self._objects, key)
            return bytes(await result.bytes_async())

    async def find(self, key: str) -> bytes | None:
        """Return the content of an object, or None if there is none.

        Raises:
            StorageError: It could not be read.

        """
        with self._reported("read", _checked(key)):
            try:
                result = await obstore.get_async(self._objects, key)
            except FileNotFoundError:
                return None
            return bytes(await result.bytes_async())

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield the content of an object in pieces.

        Raises:
            StorageError: There is none, or it could not be read.

        """
        with self._reported("read", _checked(key)):
            result = await obstore.get_async(self._objects, key)
            pieces = result.stream(min_chunk_size=_CHUNK_BYTES)
        while True:
            with self._reported("read", key):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    async def list(self, prefix: str) -> tuple[ObjectInfo, ...]:
        """Return the objects below a directory, sorted by key.

        Raises:
            StorageError: The directory could not be read.

        """
        found: list[ObjectInfo] = []
        with self._reported("list", _checked(prefix)):
            async for batch in obstore.list(self._objects, prefix, chunk_size=1000):
                found.extend(
                    ObjectInfo(item["path"], item["size"], item["last_modified"].timestamp())
                    for item in batch
                )
        return tuple(sorted(found))

    async def directories(self, prefix: str) -> tuple[str, ...]:
        """Return the keys of the directories right below a directory, sorted.

        Raises:
            StorageError: The directory could not be read.

        """
        with self._reported("list", _checked(prefix)):
            result = await obstore.list_with_delimiter_async(self._objects, prefix)
            return tuple(sorted(result["common_prefixes"]))

    async def names(self, prefix: str) -> tuple[str, ...]:
        """Return the keys of the objects right below a directory, sorted.

        Raises:
            StorageError: The directory could not be read.

        """
        with self._reported("list", _checked(prefix)):
            result = await obstore.list_with_delimiter_async(self._objects, prefix)
            return tuple(sorted(item["path"] for item in result["objects"]))

    async def exists(self, key: str) -> bool:
        """Return whether there is an object of that key.

        Raises:
            StorageError: The store could not be read.

        """
        with self._reported("read", _checked(key)):
            try:
                await obstore.head_async(self._objects, key)
            except FileNotFoundError:
                return False
            return True

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no error.

        Raises:
            StorageError: One could not be deleted.

        """
        paths = [self._directory / _checked(key) for key in keys]
        with self._reported("delete", f"{len(paths)} objects"):
            await asyncio.to_thread(_unlink_all, paths)

    async def delete_prefix(self, prefix: str) -> None:
        """Delete every object below a directory, and the directory; none is no error.

        Raises:
            StorageError: Something could not be deleted.

        """
        with self._reported("delete", _checked(prefix)):
            await asyncio.to_thread(_remove_tree, self._directory / prefix)

    async def flush(self, prefix: str) -> None:
        """Make sure that what is below a directory survives a loss of power.

        Raises:
            StorageError: It could not be written to the disk.

        """
        with self._reported("write", _checked(prefix)):
            await asyncio.to_thread(sync_tree, self._directory.parent, self._directory / prefix)

    def _reported(self, action: str, what: str) -> AbstractContextManager[None]:
        return _reported(self._directory, action, what)

    async def _put(self, key: str, content: bytes | Path, overwrite: bool) -> bool:
        with self._reported("write", _checked(key)):
            _make_private((self._directory / key).parent)
            try:
                await obstore.put_async(
                    self._objects, key, content, mode="overwrite" if overwrite else "create"
                )
            except AlreadyExistsError:
                return False
            return True


def _checked(key: str) -> str:
    """Return a key that stays inside the store."""
    if not key or any(part in ("", ".", "..") for part in key.split("/")):
        raise StorageError(f"{key!r} is not a key of the store")
    return key


def _make_private(directory: Path) -> None:
    """Make a directory and its parents, readable by their owner only."""
    if directory.is_dir():
        return
    _make_private(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)


def _unlink_all(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _remove_tree(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        # Gone already, or while being removed by another process: again until nothing is left.
        if os.path.lexists(directory):
            _remove_tree(directory)


@contextmanager
def _reported(directory: Path, action: str, what: str = "") -> Iterator[None]:
    """Turn whatever goes wrong with the store into a `StorageError`."""
    try:
        yield
    except FileNotFoundError:
        raise StorageError(
            f"the store has no {what}", "check that SKYFLOW_HOME is the one it was written under"
        ) from None
    except (BaseError, OSError, ValueError) as error:
        raise StorageUnavailable(
            f"cannot {action} {what and what + ' in '}the store {directory}: {reason(error)}",
            remedy(error, f"check that the disk has space and that {directory} is writable"),
        ) from error
