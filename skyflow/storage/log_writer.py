"""Writing a log to the store as it grows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from skyflow.errors import StorageError
from skyflow.storage.log_segments import Segment, create_segment, end_offset, find_segment
from skyflow.storage.masking import Masking
from skyflow.storage.store import Store

FLUSH_BYTES = 64 * 1024
"""Buffered bytes from which on a segment is written at once."""
FLUSH_SECONDS = 1.0
"""Longest time for which a byte waits for more before it is written."""


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
        self._offset: int | None = None
        self._due: float | None = None
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
            return await self._start() + len(self._buffer)

    async def append(self, offset: int, data: bytes) -> None:
        """Take bytes of the original log; those known already are ignored.

        Raises:
            StorageError: The store could not be written, or bytes before these are missing.

        """
        async with self._lock:
            end = await self._start() + len(self._buffer)
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
        """Write what can be written: whole lines if there are any.

        What may be the beginning of a masked value is kept back.

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
            while not await self._create(len(self._buffer)):
                continue

    async def _start(self) -> int:
        if self._offset is None:
            self._offset = await end_offset(self._store, self._prefix)
        return self._offset

    async def _write(self) -> None:
        while not await self._create(self._cut()):
            continue

    def _cut(self) -> int:
        """Return how much of the buffer to write: whole lines, else all that is safe."""
        line_end = max(self._buffer.rfind(b"\n"), self._buffer.rfind(b"\r")) + 1
        cut = self._masking.safe_cut(self._buffer, line_end)
        return cut or self._masking.safe_cut(self._buffer, len(self._buffer))

    async def _create(self, length: int) -> bool:
        """Write the first bytes of the buffer; return False if another writer was first.

        Its segment then takes the place of as many bytes of the buffer.
        """
        start = await self._start()
        segment = Segment(start, length, self._masking.masked(self._buffer[:length]))
        created = length == 0 or await create_segment(self._store, self._prefix, segment)
        if not created:
            segment = await self._other(start)
        self._buffer = self._buffer[segment.length :]
        self._offset = segment.end
        self._due = time.monotonic() + FLUSH_SECONDS if self._buffer else None
        return created

    async def _other(self, offset: int) -> Segment:
        """Return the segment that another writer made where this one wanted to."""
        segment = await find_segment(self._store, self._prefix, offset)
        if segment is None:
            raise StorageError(f"{self._prefix}: the log is being deleted")
        return segment
