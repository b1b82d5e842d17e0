"""The form of a log in the store: a chain of immutable segments.

A segment is named by the offset in the original log at which it begins, and starts with a line
that says how many bytes of the original it stands for (masking changes lengths). So a segment
says where the next one begins. Each is created exclusively: of two writers that continue the same
log one wins, the other goes on behind it, and the chain never forks, overlaps or has a gap.
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
    return f"{log_directory(service, incarnation)}/replica-{replica_id}/node-{node}/{stream}"


async def create_segment(store: Store, prefix: str, segment: Segment) -> bool:
    """Store a segment; return False if there is one at its offset already.

    Raises:
        StorageError: The store could not be written.

    """
    content = b"%d\n%b" % (segment.length, segment.data)
    return await store.put(_key(prefix, segment.offset), content, overwrite=False)


async def find_segment(store: Store, prefix: str, offset: int) -> Segment | None:
    """Return the segment that begins at an offset, if there is one.

    Raises:
        StorageError: The store could not be read.

    """
    content = await store.find(_key(prefix, offset))
    if content is None:
        return None
    length, newline, data = content.partition(b"\n")
    if not newline or not length.isdigit():
        raise StorageError(f"{_key(prefix, offset)} is not a log segment")
    return Segment(offset, int(length), data)


async def segment_offsets(store: Store, prefix: str) -> list[int]:
    """Return the offsets at which segments begin, in order.

    Raises:
        StorageError: The store could not be read.

    """
    names = [item.key.rsplit("/", 1)[-1] for item in await store.list(prefix)]
    return [int(name) for name in names if name.isdigit()]


async def end_offset(store: Store, prefix: str) -> int:
    """Return the offset in the original log up to which it is stored.

    Raises:
        StorageError: The store could not be read.

    """
    offsets = await segment_offsets(store, prefix)
    last = await find_segment(store, prefix, offsets[-1]) if offsets else None
    return last.end if last else 0


def _key(prefix: str, offset: int) -> str:
    return f"{prefix}/{offset:0{_DIGITS}d}"
