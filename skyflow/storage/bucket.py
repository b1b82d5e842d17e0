"""A bucket of S3 as the place of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from skyflow.config import Settings
from skyflow.errors import StorageError
from skyflow.installation import installation_id, known_installation_id
from skyflow.storage.aws import (
    bucket_region,
    error_code,
    new_session,
    object_store,
    s3_client,
    s3_fault,
)
from skyflow.storage.bucket_admin import ensure_bucket, remove_bucket


class Bucket:
    """Objects of one installation, below a prefix that has its id.

    So that installations which share a bucket never take each other's files for left over.
    """

    def __init__(self, settings: Settings, url: str) -> None:
        """Take note of where the bucket is; it is asked for nothing until it is used."""
        self._settings = settings
        self._url = url
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")
        self._session: Any = None
        self._readable: S3Store | None = None
        self._writable: S3Store | None = None
        # Whoever comes while it is being opened waits for that.
        self._opening = Lock()

    @contextmanager
    def reported(self, action: str, what: str = "") -> Iterator[None]:
        """Turn whatever goes wrong inside into a `StorageError`."""
        from botocore.exceptions import BotoCoreError, ClientError

        doing = f"cannot {action} {what and what + ' in '}the store {self._url}"
        try:
            yield
        except FileNotFoundError as error:
            if error_code(error) == "NoSuchBucket":
                self._readable = self._writable = None
                raise s3_fault(error, doing) from error
            raise StorageError(
                f"the store {self._url} has no {what}",
                "check that SKYFLOW_HOME and SKYFLOW_STORE are those it was written under",
            ) from None
        except (BaseError, BotoCoreError, ClientError, OSError, ValueError) as error:
            if error_code(error) == "NoSuchBucket":
                # Looked for anew: it may be made again, also elsewhere.
                self._readable = self._writable = None
            raise s3_fault(error, doing) from error

    async def reader(self) -> S3Store:
        """Return what objects are read from.

        Raises:
            FileNotFoundError: There is no bucket yet.

        """
        if self._readable is None:
            return await asyncio.to_thread(self._open_to_read)
        return self._readable

    async def writer(self, key: str) -> S3Store:
        """Return what objects can be written to; the bucket is made if there is none."""
        if self._writable is None:
            return await asyncio.to_thread(self._open_to_write)
        return self._writable

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no error."""
        if keys:
            await obstore.delete_async(await self.reader(), list(keys))

    async def delete_prefix(self, prefix: str) -> None:
        """Delete every object below a directory; none is no error."""
        objects = await self.reader()
        async for batch in obstore.list(objects, prefix, chunk_size=1000):
            await obstore.delete_async(objects, [item["path"] for item in batch])

    async def flush(self, prefix: str) -> None:
        """Do nothing: what S3 has taken is safe."""

    async def sign(self, key: str, seconds: float) -> str:
        """Return a URL with which anybody can read an object for a time."""
        objects = await self.reader()
        return await obstore.sign_async(objects, "GET", key, timedelta(seconds=seconds))

    async def remove(self) -> None:
        """Delete all that the installation has here, and the bucket if it was made for it."""
        installation = known_installation_id(self._settings)
        if installation is None:
            return
        try:
            objects = await self.reader()
        except FileNotFoundError:
            return
        async for batch in obstore.list(objects, chunk_size=1000):
            await obstore.delete_async(objects, [item["path"] for item in batch])
        await asyncio.to_thread(self._remove_bucket, installation)
        self._readable = self._writable = None

    def _open_to_read(self) -> S3Store:
        with self._opening:
            if self._readable is None:
                region = bucket_region(self._client(), self._bucket)
                if region is None:
                    raise FileNotFoundError(self._url)
                self._readable = self._objects(region)
            return self._readable

    def _open_to_write(self) -> S3Store:
        with self._opening:
            if self._writable is None:
                installation = installation_id(self._settings)
                region = ensure_bucket(self._client(), self._bucket, installation)
                self._readable = self._writable = self._objects(region)
            return self._writable

    def _client(self, region: str | None = None) -> Any:
        self._session = self._session or new_session()
        return s3_client(self._session, region=region)

    def _objects(self, region: str) -> S3Store:
        parts = (self._prefix, installation_id(self._settings))
        prefix = "/".join(part for part in parts if part)
        return object_store(self._session, self._client(region), self._bucket, prefix)

    def _remove_bucket(self, installation: str) -> None:
        region = bucket_region(self._client(), self._bucket)
        if region is not None:
            remove_bucket(self._client(region), self._bucket, installation)
