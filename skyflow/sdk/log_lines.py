"""The lines of one log in the store, as it grows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from skyflow.storage.log_cursor import LogCursor
from skyflow.storage.log_reader import LogStream

LONGEST_LINE_BYTES = 1024 * 1024
"""A line that is longer is shown as several: whatever a replica prints, it must not fill memory."""


@dataclass(frozen=True)
class LogLine:
    """One line that a replica wrote."""

    replica_id: int
    node: int
    stream: str
    """`setup` or `run`."""
    text: str
    """Without the line end."""


class GrowingLog:
    """One log, and how far it has been read."""

    def __init__(self, stream: LogStream, cursor: LogCursor) -> None:
        self._stream = stream
        self._unfinished = b""
        self.cursor = cursor

    async def added(self) -> AsyncIterator[LogLine]:
        """Yield the lines that were added since the last look."""
        while segment := await self.cursor.next():
            for line in self.feed(segment.data):
                yield line

    def feed(self, data: bytes) -> list[LogLine]:
        """Take in what was read, and return the lines that are whole now."""
        data = self._unfinished + data
        # A carriage return at the very end may be the first half of a line end.
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        lines, self._unfinished = data[:end].splitlines(), data[end:]
        while len(self._unfinished) > LONGEST_LINE_BYTES:
            cut = _character_boundary(self._unfinished, LONGEST_LINE_BYTES)
            lines.append(self._unfinished[:cut])
            self._unfinished = self._unfinished[cut:]
        return [self._line(line) for line in lines]

    def rest(self) -> list[LogLine]:
        """Return the line that nothing will finish any more, if there is one."""
        rest, self._unfinished = self._unfinished, b""
        return [self._line(line) for line in rest.splitlines()]

    def _line(self, line: bytes) -> LogLine:
        stream = self._stream
        text = line.decode(errors="replace")
        return LogLine(stream.replica_id, stream.node, stream.name, text)


def _character_boundary(data: bytes, cut: int) -> int:
    """Return the last place up to a cut, and near it, that splits no UTF-8 character."""
    for place in range(cut, cut - 4, -1):
        if data[place] & 0xC0 != 0x80:
            return place
    return cut
