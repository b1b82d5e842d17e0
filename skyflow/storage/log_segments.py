"""The form of a log in the store: a chain of immutable segments.

A segment is named by the offset in the original log at which it begins, and starts with a line
that says how many bytes of the original it stands for (masking changes lengths). So a segment
says where the next one begins. Each is created exclusively: of two writers that continue the same
log one wins, the other goes on behind it, and the chain never forks, overlaps or has a gap.

Segments that are old enough are put together in bundles (`log_bundles.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from skyflow.errors import StorageError
from skyflow.naming import log_directory
from skyflow.storage.store import Store

_DIGITS = 20
"""Digits of an offset in a name: enough for 2^64, so that names sort as offsets do."""


@dataclass(frozen=True)
class Segment:
    """One piece of a log."""

    offset: int
    """Where it begins in the original log, in bytes."""
    length: int
    """Its length in the original log, in bytes."""
    data: bytes
    """Its content, masked."""

    @property
    def end(self) -> int:
        """Where the next segment begins."""
        return self.offset + self.length


def log_prefix(service: str, incarnation: str, replica_id: int, node: int, stream: str) -> str:
    """Return the key below which a stream (`setup`, `run`) of one node of a replica is kept."""
    return f"{replica_prefix(service, incarnation, replica_id)}/node-{node}/{stream}"


def replica_prefix(service: str, incarnation: str, replica_id: int) -> str:
    """Return the key below which all logs of a replica are kept."""
    return f"{log_directory(service, incarnation)}/replica-{replica_id}"


async def create_segment(store: Store, prefix: str, segment: Segment) -> bool:
    """Store a segment; return False if there is one at its offset already.

    Whether it is part of the log is said by a `LogCursor`: segments of a bundle are deleted, and
    one that is created again in the place of such a segment counts for nothing.

    Raises:
        StorageError: The store could not be written.

    """
    content = b"%d\n%b" % (segment.length, segment.data)
    return await store.put(offset_key(prefix, segment.offset), content, overwrite=False)


async def find_segment(store: Store, prefix: str, offset: int) -> Segment | None:
    """Return the segment that begins at an offset, if there is one outside bundles.

    Raises:
        StorageError: The store could not be read.

    """
    content = await store.find(offset_key(prefix, offset))
    if content is None:
        return None
    length, newline, data = content.partition(b"\n")
    if not newline or not length.isdigit():
        raise StorageError(f"{offset_key(prefix, offset)} is not a log segment")
    return Segment(offset, int(length), data)


async def delete_segments(store: Store, prefix: str, before: int) -> None:
    """Delete the segments outside bundles that begin before an offset.

    Raises:
        StorageError: The store could not be read or written.

    """
    offsets = await stored_offsets(store, prefix)
    await store.delete([offset_key(prefix, offset) for offset in offsets if offset < before])


async def stored_offsets(store: Store, prefix: str) -> list[int]:
    """Return the offsets that name objects right below a key, in order.

    Raises:
        StorageError: The store could not be read.

    """
    names = [key.rsplit("/", 1)[-1] for key in await store.names(prefix)]
    return [int(name) for name in names if name.isdigit()]


def offset_key(prefix: str, offset: int) -> str:
    """Return the key of what begins at an offset."""
    return f"{prefix}/{offset:0{_DIGITS}d}"
