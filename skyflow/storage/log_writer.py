"""Writing a log to the store as it grows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from skyflow.errors import StorageError
from skyflow.storage.log_bundles import BUNDLE_BYTES, BUNDLE_SEGMENTS, bundle_segments
from skyflow.storage.log_cursor import LogCursor, cursor_at_end, note_place
from skyflow.storage.log_segments import Segment, create_segment
from skyflow.storage.masking import Masking
from skyflow.storage.store import Store

FLUSH_BYTES = 1024 * 1024
"""Buffered bytes from which on a segment is written at once."""
FLUSH_SECONDS = 0.7
"""Longest time for which a byte waits for more before it is written. With the ways to the store and
a busy computer a log is to be stored within 2 s."""
NOTE_SEGMENTS = 64
"""How many segments are written between two notes of how far the log is."""


class LogWriter:
    """Writes one log, merging small pieces.

    Whoever feeds it calls `flush` when `due` has come. Bytes that were never flushed are not
    lost: the next writer finds in the store where to go on.
    """

    def __init__(self, store: Store, prefix: str, masked: Iterable[str] = ()) -> None:
        self._store = store
        self._prefix = prefix
        self._masking = Masking(masked)
        self._buffer = b""
        self._cursor: LogCursor | None = None
        self._due: float | None = None
        self._written = 0
        self._lock = asyncio.Lock()

    @property
    def due(self) -> float | None:
        """Time (`time.monotonic`) at which to flush; None if nothing is waiting."""
        return self._due

    async def next_offset(self) -> int:
        """Return the offset in the original log from which on it is needed.

        Raises:
            StorageError: The store could not be read.

        """
        async with self._lock:
            return (await self._start()).offset + len(self._buffer)

    async def append(self, offset: int, data: bytes) -> None:
        """Take bytes of the original log; those known already are ignored.

        Raises:
            StorageError: The store could not be written, or bytes before these are missing.

        """
        async with self._lock:
            end = (await self._start()).offset + len(self._buffer)
            if offset > end:
                raise StorageError(f"{self._prefix}: bytes {end} to {offset} are missing")
            fresh = data[end - offset :]
            if not fresh:
                return
            self._buffer += fresh
            self._due = self._due or time.monotonic() + FLUSH_SECONDS
            if len(self._buffer) >= FLUSH_BYTES or time.monotonic() >= self._due:
                await self._write()

    async def flush(self) -> None:
        """Write what can be written: what may be the beginning of a masked value is kept back.

        Raises:
            StorageError: The store could not be written.

        """
        async with self._lock:
            await self._write()

    async def close(self) -> None:
        """Write everything: the log has ended.

        Raises:
            StorageError: The store could not be written.

        """
        async with self._lock:
            while self._buffer:
                await self._create(len(self._buffer))
            cursor = await self._start()
            if cursor.loose > 1:
                await bundle_segments(self._store, self._prefix, cursor.bundled)

    async def _start(self) -> LogCursor:
        if self._cursor is None:
            self._cursor = await cursor_at_end(self._store, self._prefix)
        return self._cursor

    async def _write(self) -> None:
        while cut := self._masking.safe_cut(self._buffer, len(self._buffer)):
            if await self._create(cut):
                break
        self._due = time.monotonic() + FLUSH_SECONDS if self._buffer else None
        await self._tidy_up()

    async def _create(self, length: int) -> bool:
        """Write the first bytes of the buffer; return False if another writer was first.

        Its segment then takes the place of as many bytes of the buffer.
        """
        cursor = await self._start()
        data = self._masking.masked(self._buffer[:length])
        segment = Segment(cursor.offset, length, data)
        created = await create_segment(self._store, self._prefix, segment)
        stored = await cursor.next(segment if created else None)
        if stored is None:
            raise StorageError(f"{self._prefix}: the log is being deleted")
        self._buffer = self._buffer[stored.length :]
        self._written += 1
        return stored is segment

    async def _tidy_up(self) -> None:
        """Bundle segments when there are many, and note from time to time how far the log is."""
        cursor = await self._start()
        if cursor.loose >= BUNDLE_SEGMENTS or cursor.offset - cursor.bundled >= BUNDLE_BYTES:
            await bundle_segments(self._store, self._prefix, cursor.bundled)
            await cursor.note_bundles()
        elif self._written < NOTE_SEGMENTS:
            return
        self._written = 0
        await note_place(self._store, self._prefix, cursor)
