"""Reading logs from the store, also while they grow."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from skyflow.naming import log_directory
from skyflow.storage.log_segments import find_segment, segment_offsets
from skyflow.storage.store import Store

POLL_SECONDS = 0.2
"""How often a log that is being followed is looked at."""


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
    offset: int
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

    async def read(self, prefix: str, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield a log from a segment's offset to what is its end now.

        Raises:
            StorageError: The store could not be read.

        """
        while segment := await find_segment(self._store, prefix, offset):
            yield segment.data
            offset = segment.end

    async def tail(self, prefix: str, lines: int) -> LogTail:
        """Return the last lines of a log, and where to follow it from.

        Raises:
            StorageError: The store could not be read.

        """
        data, end = b"", 0
        for offset in reversed(await segment_offsets(self._store, prefix)):
            segment = await find_segment(self._store, prefix, offset)
            if segment is None:
                continue
            data, end = segment.data + data, end or segment.end
            if data.count(b"\n") > lines:
                break
        kept = data.splitlines(keepends=True)[-lines:] if lines > 0 else []
        return LogTail(b"".join(kept), end)

    async def follow(
        self, prefix: str, offset: int = 0, ended: asyncio.Event | None = None
    ) -> AsyncIterator[bytes]:
        """Yield a log from a segment's offset on, and what is added to it, as it is stored.

        It ends once `ended` is set and everything stored was yielded.

        Raises:
            StorageError: The store could not be read.

        """
        while True:
            last_look = ended is not None and ended.is_set()
            while segment := await find_segment(self._store, prefix, offset):
                yield segment.data
                offset = segment.end
            if last_look:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _numbered(self, directory: str) -> list[tuple[str, int]]:
        """Return the directories in one, such as `replica-7`, with their number."""
        found = await self._store.directories(directory)
        numbers = ((key, re.search(r"-(\d+)$", key)) for key in found)
        return [(key, int(number[1])) for key, number in numbers if number]
