"""Logs of the replicas of services, from the store.

Needs no worker and no Temporal, and goes on working after a service was taken down.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from skyflow.config import Settings
from skyflow.errors import UsageError
from skyflow.naming import log_directory
from skyflow.storage.log_reader import LogReader, LogStream
from skyflow.storage.log_segments import find_segment
from skyflow.storage.store import Store

LOOK_SECONDS = 0.25
"""Time between two looks at logs that are being followed, in seconds."""


@dataclass(frozen=True)
class LogLine:
    """One line that a replica wrote."""

    replica_id: int
    node: int
    stream: str
    """`setup` or `run`."""
    text: str
    """Without the line end."""


@dataclass
class _Cursor:
    """How far one log has been read."""

    offset: int = 0
    unfinished: bytes = b""
    """Bytes after the last line end."""

    def feed(self, data: bytes) -> list[str]:
        """Take in what was read, and return the lines that are whole now."""
        parts = (self.unfinished + data).splitlines(keepends=True)
        whole = not parts or parts[-1].endswith((b"\n", b"\r"))
        self.unfinished = b"" if whole else parts.pop()
        return [_text(part) for part in parts]

    def rest(self) -> list[str]:
        """Return the line that nothing will finish any more, if there is one."""
        rest, self.unfinished = self.unfinished, b""
        return [_text(rest)] if rest else []


class ServiceLogs:
    """The logs of the replicas of an installation's services."""

    def __init__(self, settings: Settings) -> None:
        self._directory = settings.store
        self._store = Store(settings)
        self._reader = LogReader(self._store)

    def incarnations(self, name: str) -> tuple[str, ...]:
        """Return the incarnations of a service that left logs, the latest last."""
        form = re.compile(re.escape(name) + r"\.([0-9a-f]{8})")
        parent = (self._directory / log_directory(name, "")).parent
        if not parent.is_dir():
            return ()
        found = [(form.fullmatch(path.name), path.stat().st_mtime) for path in parent.iterdir()]
        dated = sorted((changed, match[1]) for match, changed in found if match)
        return tuple(incarnation for _, incarnation in dated)

    async def purge(self, name: str) -> None:
        """Remove the logs of every incarnation of a service that runs no more.

        Raises:
            StorageError: Something could not be removed.

        """
        for incarnation in self.incarnations(name):
            await self._store.delete_prefix(log_directory(name, incarnation))

    async def lines(
        self,
        name: str,
        incarnation: str,
        *,
        replica_id: int | None = None,
        tail: int | None = None,
        ended: asyncio.Event | None = None,
    ) -> AsyncIterator[LogLine]:
        """Yield what the replicas of a service wrote, the oldest line of each node first.

        Args:
            name: The service.
            incarnation: Which of the services that had the name.
            replica_id: Of this replica only.
            tail: Begin with this many lines of each node; with all of them if None.
            ended: Go on with what is written until this is set; if None, stop at what there is.

        Raises:
            UsageError: There is no log of that replica; known once `ended` is set.
            StorageError: The store could not be read.

        """
        streams = await self._streams(name, incarnation, replica_id)
        cursors: dict[LogStream, _Cursor] = {}
        for _, node in groupby(streams, key=lambda s: (s.replica_id, s.node)):
            for line in await self._backlog(list(node), tail, cursors):
                yield line
        while ended is not None:
            last_look = ended.is_set()
            for stream in await self._streams(name, incarnation, replica_id):
                for line in await self._added(stream, cursors.setdefault(stream, _Cursor())):
                    yield line
            if last_look:
                break
            await asyncio.sleep(LOOK_SECONDS)
        for stream, cursor in cursors.items():
            for text in cursor.rest():
                yield _line(stream, text)
        if replica_id is not None and not cursors:
            raise await self._unknown_replica(name, incarnation, replica_id)

    async def _streams(
        self, name: str, incarnation: str, replica_id: int | None
    ) -> list[LogStream]:
        """Return the logs, those of one node together and in the order in which they are made."""
        found = await self._reader.streams(name, incarnation)
        wanted = [s for s in found if replica_id is None or s.replica_id == replica_id]
        return sorted(wanted, key=lambda s: (s.replica_id, s.node, s.name != "setup", s.name))

    async def _unknown_replica(self, name: str, incarnation: str, replica_id: int) -> UsageError:
        streams = await self._streams(name, incarnation, None)
        known = ", ".join(str(n) for n in sorted({s.replica_id for s in streams})) or "none"
        return UsageError(
            f"there is no log of replica {replica_id} of service {name!r}",
            f"replicas with logs: {known}",
        )

    async def _backlog(
        self, node: Sequence[LogStream], tail: int | None, cursors: dict[LogStream, _Cursor]
    ) -> list[LogLine]:
        """Return the lines of one node up to now, and note how far each of its logs was read."""
        lines: list[LogLine] = []
        for stream in node:
            cursor = cursors[stream] = _Cursor()
            if tail is None:
                lines += await self._added(stream, cursor)
                continue
            end = await self._reader.tail(stream.prefix, tail)
            cursor.offset = end.offset
            lines += [_line(stream, text) for text in cursor.feed(end.data)]
        return lines if tail is None else lines[max(0, len(lines) - tail) :]

    async def _added(self, stream: LogStream, cursor: _Cursor) -> list[LogLine]:
        """Return the lines added to a log since it was last looked at."""
        lines: list[LogLine] = []
        while segment := await find_segment(self._store, stream.prefix, cursor.offset):
            cursor.offset = segment.end
            lines += [_line(stream, text) for text in cursor.feed(segment.data)]
        return lines


def _line(stream: LogStream, text: str) -> LogLine:
    return LogLine(stream.replica_id, stream.node, stream.name, text)


def _text(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode(errors="replace")
