"""The store: objects by key, in a directory or a bucket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError

from skyflow.config import Settings
from skyflow.errors import StorageError
from skyflow.storage.backend import Backend
from skyflow.storage.bucket import Bucket
from skyflow.storage.directory import Directory

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
        """Use the bucket that the settings name, or else a directory.

        Raises:
            StorageError: The directory cannot be made or read.

        """
        url = settings.bucket_url
        self._bucket = Bucket(settings, url) if url else None
        self._backend: Backend = self._bucket or Directory(settings.store)

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
        with self._backend.reported("read", _checked(key)):
            result = await obstore.get_async(await self._backend.reader(), key)
            return bytes(await result.bytes_async())

    async def find(self, key: str) -> bytes | None:
        """Return the content of an object, or None if there is none.

        Raises:
            StorageError: It could not be read.

        """
        with self._backend.reported("read", _checked(key)):
            try:
                result = await obstore.get_async(await self._backend.reader(), key)
            except FileNotFoundError:
                return None
            return bytes(await result.bytes_async())

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield the content of an object in pieces.

        Raises:
            StorageError: There is none, or it could not be read.

        """
        with self._backend.reported("read", _checked(key)):
            result = await obstore.get_async(await self._backend.reader(), key)
            pieces = result.stream(min_chunk_size=_CHUNK_BYTES)
        while True:
            with self._backend.reported("read", key):
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
        with self._backend.reported("list", _checked(prefix)):
            try:
                objects = await self._backend.reader()
            except FileNotFoundError:
                return ()
            async for batch in obstore.list(objects, prefix, chunk_size=1000):
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
        return (await self._entries(prefix))[0]

    async def names(self, prefix: str) -> tuple[str, ...]:
        """Return the keys of the objects right below a directory, sorted.

        Raises:
            StorageError: The directory could not be read.

        """
        return (await self._entries(prefix))[1]

    async def exists(self, key: str) -> bool:
        """Return whether there is an object of that key.

        Raises:
            StorageError: The store could not be read.

        """
        with self._backend.reported("read", _checked(key)):
            try:
                await obstore.head_async(await self._backend.reader(), key)
            except FileNotFoundError:
                return False
            return True

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no error.

        Raises:
            StorageError: One could not be deleted.

        """
        checked = [_checked(key) for key in keys]
        with self._backend.reported("delete", f"{len(checked)} objects"):
            try:
                await self._backend.delete(checked)
            except FileNotFoundError:
                return

    async def delete_prefix(self, prefix: str) -> None:
        """Delete every object below a directory, and the directory; none is no error.

        Raises:
            StorageError: Something could not be deleted.

        """
        with self._backend.reported("delete", _checked(prefix)):
            try:
                await self._backend.delete_prefix(prefix)
            except FileNotFoundError:
                return

    async def flush(self, prefix: str) -> None:
        """Make sure that what is below a directory survives a loss of power.

        Raises:
            StorageError: It could not be written to the disk.

        """
        with self._backend.reported("write", _checked(prefix)):
            await self._backend.flush(prefix)

    async def url(self, key: str, seconds: float) -> str | None:
        """Return a URL with which anybody can read an object; None if only we can, in a directory.

        It is a secret. Making one asks nobody: whether there is such an object, its reader learns.

        Args:
            key: Key of the object.
            seconds: How long the URL is good.

        Raises:
            StorageError: There are no credentials to sign it with, or no bucket.

        """
        if self._bucket is None:
            return None
        with self._bucket.reported("sign a URL of", _checked(key)):
            return await self._bucket.sign(key, seconds)

    async def remove_bucket(self) -> None:
        """Delete all that the installation has in a bucket, and the bucket if it made it.

        A directory is left as it is.

        Raises:
            StorageError: Something could not be deleted.

        """
        if self._bucket is not None:
            with self._bucket.reported("remove"):
                await self._bucket.remove()

    async def _entries(self, prefix: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the keys of the directories and of the objects right below a directory."""
        with self._backend.reported("list", _checked(prefix)):
            try:
                objects = await self._backend.reader()
            except FileNotFoundError:
                return (), ()
            result = await obstore.list_with_delimiter_async(objects, prefix)
        keys = tuple(sorted(item["path"] for item in result["objects"]))
        return tuple(sorted(result["common_prefixes"])), keys

    async def _put(self, key: str, content: bytes | Path, overwrite: bool) -> bool:
        with self._backend.reported("write", _checked(key)):
            objects = await self._backend.writer(key)
            try:
                await obstore.put_async(
                    objects, key, content, mode="overwrite" if overwrite else "create"
                )
            except AlreadyExistsError:
                return False
            return True


def _checked(key: str) -> str:
    """Return a key that stays inside the store."""
    if not key or any(part in ("", ".", "..") for part in key.split("/")):
        raise StorageError(f"{key!r} is not a key of the store")
    return key
