"""Bundles: many segments of a log in one object, so that a log of months has few of them.

A bundle holds the segments from the end of the bundle before it on, each as it was, and is named
by the offset at which it begins. Bundles are created exclusively and never deleted: they are a
chain of their own. What a bundle holds is found there and nowhere else, whatever segments are in
the store besides; so those can be deleted at any time after, also by several at once, also in
part, and a writer that was asleep and creates one of them anew has changed nothing.

It follows that a segment counts if, after it was read, there is no bundle yet where the next one
would begin. A crash at any moment leaves either no bundle, or one and some segments too many.
"""

from __future__ import annotations

from dataclasses import dataclass

from skyflow.errors import StorageError
from skyflow.storage.log_segments import (
    Segment,
    delete_segments,
    find_segment,
    offset_key,
)
from skyflow.storage.store import Store

BUNDLE_SEGMENTS = 1024
"""Number of segments from which on they are bundled: some minutes of a log that always grows."""
BUNDLE_BYTES = 8 * 1024 * 1024
"""Size of a log since its last bundle from which on it is bundled; a bundle has twice that at most
and a segment, which whoever reads it holds in memory."""


@dataclass(frozen=True)
class Bundle:
    """Segments that follow each other."""

    segments: tuple[Segment, ...]

    @property
    def end(self) -> int:
        """Where the next bundle begins."""
        return self.segments[-1].end


def bundles_prefix(prefix: str) -> str:
    """Return the key below which the bundles of a log are kept."""
    return f"{prefix}/bundles"


async def bundle_segments(store: Store, prefix: str, begin: int) -> None:
    """Make a bundle of the segments from the end of the last bundle on, and delete them.

    Raises:
        StorageError: The store could not be read or written; nothing is lost.

    """
    segments, offset, size = list[Segment](), begin, 0
    while size < 2 * BUNDLE_BYTES and (segment := await find_segment(store, prefix, offset)):
        segments.append(segment)
        offset, size = segment.end, size + len(segment.data)
    if len(segments) < 2:
        return
    content = b"".join(b"%d %d\n%b" % (s.length, len(s.data), s.data) for s in segments)
    created = await store.put(offset_key(bundles_prefix(prefix), begin), content, overwrite=False)
    if created:
        await delete_segments(store, prefix, before=offset)


async def find_bundle(store: Store, prefix: str, offset: int) -> Bundle | None:
    """Return the bundle that begins at an offset, if there is one.

    Raises:
        StorageError: The store could not be read.

    """
    key = offset_key(bundles_prefix(prefix), offset)
    content = await store.find(key)
    if content is None:
        return None
    segments, at = list[Segment](), 0
    try:
        while at < len(content):
            head = content.index(b"\n", at) + 1
            length, size = content[at:head].split()
            at = head + int(size)
            segments.append(Segment(offset, int(length), content[head:at]))
            offset += int(length)
    except ValueError:
        segments = []
    if not segments or at != len(content):
        raise StorageError(f"{key} is not a bundle of log segments")
    return Bundle(tuple(segments))
