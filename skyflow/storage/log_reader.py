"""Reading logs from the store, also while they grow."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from skyflow.naming import log_directory
from skyflow.storage.log_bundles import bundles_prefix, find_bundle
from skyflow.storage.log_cursor import LogCursor, cursor_at_end
from skyflow.storage.log_segments import stored_offsets
from skyflow.storage.store import Store


@dataclass(frozen=True, order=True)
class LogStream:
    """One log of a service."""

    replica_id: int
    node: int
    name: str
    """`setup` or `run`."""
    prefix: str
    """Key below which its segments are."""


@dataclass(frozen=True)
class LogTail:
    """The end of a log."""

    data: bytes
    cursor: LogCursor
    """Where to follow it from, without a gap or a repeat."""


class LogReader:
    """Reads the logs in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def streams(self, service: str, incarnation: str) -> tuple[LogStream, ...]:
        """Return the logs that a service has, by replica and node.

        Raises:
            StorageError: The store could not be read.

        """
        found: list[LogStream] = []
        for replica, replica_id in await self._numbered(log_directory(service, incarnation)):
            for directory, node in await self._numbered(replica):
                for prefix in await self._store.directories(directory):
                    found.append(LogStream(replica_id, node, prefix.rsplit("/", 1)[-1], prefix))
        return tuple(sorted(found))

    def cursor(self, prefix: str) -> LogCursor:
        """Return a cursor at the beginning of a log."""
        return LogCursor(self._store, prefix)

    async def read(self, prefix: str) -> AsyncIterator[bytes]:
        """Yield a log up to what is its end now.

        Raises:
            StorageError: The store could not be read.

        """
        cursor = self.cursor(prefix)
        while segment := await cursor.next():
            yield segment.data

    async def tail(self, prefix: str, lines: int) -> LogTail:
        """Return the last lines of a log, and where to follow it from.

        Raises:
            StorageError: The store could not be read.

        """
        end = await cursor_at_end(self._store, prefix)
        cursor = LogCursor(self._store, prefix, offset=end.bundled, bundled=end.bundled)
        pieces = []
        while segment := await cursor.next():
            pieces.append(segment.data)
        data = b"".join(pieces)
        for offset in reversed(await stored_offsets(self._store, bundles_prefix(prefix))):
            if data.count(b"\n") > lines:
                break
            bundle = await find_bundle(self._store, prefix, offset)
            if bundle and bundle.end <= end.bundled:
                data = b"".join(segment.data for segment in bundle.segments) + data
        kept = data.splitlines(keepends=True)[-lines:] if lines > 0 else []
        return LogTail(b"".join(kept), cursor)

    async def _numbered(self, directory: str) -> list[tuple[str, int]]:
        """Return the directories in one, such as `replica-7`, with their number."""
        found = await self._store.directories(directory)
        numbers = ((key, re.search(r"-(\d+)$", key)) for key in found)
        return [(key, int(number[1])) for key, number in numbers if number]
