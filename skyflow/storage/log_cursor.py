"""Going through a log in the store, segment by segment, while it is written and bundled."""

from __future__ import annotations

from skyflow.errors import StorageError
from skyflow.storage.log_bundles import Bundle, find_bundle
from skyflow.storage.log_segments import Segment, find_segment
from skyflow.storage.store import Store


class LogCursor:
    """A place in a log."""

    def __init__(
        self, store: Store, prefix: str, *, offset: int = 0, bundled: int = 0, loose: int = 0
    ) -> None:
        """Begin at a place that another cursor had reached, or at the beginning."""
        self._store = store
        self._prefix = prefix
        self._bundle: dict[int, Segment] = {}
        self.offset = offset
        """Where the next segment begins."""
        self.bundled = bundled
        """Where the next bundle begins, as far as is known."""
        self.loose = loose
        """About how many segments were passed that are in no bundle."""

    async def next(self, created: Segment | None = None) -> Segment | None:
        """Return the next segment and go behind it; None if there is none yet.

        Args:
            created: The segment at this place, where the caller has just created it himself.
                What is returned is another one if it is in a bundle already.

        Raises:
            StorageError: The store could not be read.

        """
        while self.offset >= self.bundled:
            segment = created or await find_segment(self._store, self._prefix, self.offset)
            # Asked after the segment was read: see log_bundles.
            bundle = await find_bundle(self._store, self._prefix, self.bundled)
            if bundle is not None:
                self._enter(bundle)
                continue
            if segment is not None:
                self.loose += 1
                self.offset = segment.end
            return segment
        return self._from_bundle()

    async def note_bundles(self) -> None:
        """Take notice of bundles that were made since the last look.

        Raises:
            StorageError: The store could not be read.

        """
        while self.offset >= self.bundled:
            bundle = await find_bundle(self._store, self._prefix, self.bundled)
            if bundle is None:
                return
            self._enter(bundle)

    def _enter(self, bundle: Bundle) -> None:
        self.bundled = bundle.end
        if self.offset < bundle.end:
            self._bundle = {segment.offset: segment for segment in bundle.segments}
        self.loose = max(0, self.loose - len(bundle.segments))

    def _from_bundle(self) -> Segment:
        segment = self._bundle.get(self.offset)
        if segment is None:
            raise StorageError(f"{self._prefix}: no segment begins at {self.offset}")
        self.offset = segment.end
        if self.offset >= self.bundled:
            self._bundle = {}
        return segment


async def cursor_at_end(store: Store, prefix: str) -> LogCursor:
    """Return a cursor behind the last segment of a log.

    It is looked for from the last place that a writer has noted, so that a long log need not be
    listed or read.

    Raises:
        StorageError: The store could not be read.

    """
    cursor = await _noted(store, prefix)
    while await cursor.next():
        continue
    return cursor


async def note_place(store: Store, prefix: str, cursor: LogCursor) -> None:
    """Note a place from which the end of a log can be looked for.

    Any place of the log will do, so that it does not matter who notes one last. One inside a bundle
    is not noted: going on from there takes what the cursor has read.

    Raises:
        StorageError: The store could not be written.

    """
    if cursor.offset < cursor.bundled:
        return
    content = f"{cursor.offset} {cursor.bundled} {cursor.loose}"
    await store.put(_note(prefix), content.encode())


async def _noted(store: Store, prefix: str) -> LogCursor:
    numbers = (await store.find(_note(prefix)) or b"").split()
    if len(numbers) != 3 or not all(number.isdigit() for number in numbers):
        return LogCursor(store, prefix)
    offset, bundled, loose = map(int, numbers)
    return LogCursor(store, prefix, offset=offset, bundled=bundled, loose=loose)


def _note(prefix: str) -> str:
    return f"{prefix}/place"
