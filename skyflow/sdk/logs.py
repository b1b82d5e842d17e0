"""Logs of the replicas of services, from the store.

Needs no worker and no Temporal, and goes on working after a service was taken down.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from itertools import groupby

from skyflow.config import Settings
from skyflow.errors import StorageError, UsageError
from skyflow.naming import log_directory
from skyflow.sdk.log_lines import GrowingLog, LogLine
from skyflow.storage.log_reader import LogReader, LogStream
from skyflow.storage.log_segments import replica_prefix
from skyflow.storage.store import Store

LOOK_SECONDS = 0.25
"""Shortest time between two looks at logs that are being followed, in seconds. Looks that take
longer, at very many logs, are as far apart as they take."""

STORE_SECONDS = 60.0
"""How long logs that are being followed are looked for in a store that cannot be read."""


class ServiceLogs:
    """The logs of the replicas of an installation's services."""

    def __init__(self, settings: Settings) -> None:
        self._store = Store(settings)
        self._reader = LogReader(self._store)

    async def incarnations(self, name: str) -> tuple[str, ...]:
        """Return the incarnations of a service that left logs, the latest last.

        Raises:
            StorageError: The store could not be read.

        """
        form = re.compile(re.escape(name) + r"\.([0-9a-f]{8})")
        parent = log_directory(name, "").rpartition("/")[0]
        names = [key.rpartition("/")[2] for key in await self._store.directories(parent)]
        found = [match[1] for match in map(form.fullmatch, names) if match]
        if len(found) < 2:
            return tuple(found)
        dated = [(await self._last_change(name, incarnation), incarnation) for incarnation in found]
        return tuple(incarnation for _, incarnation in sorted(dated))

    async def purge(self, name: str) -> None:
        """Remove the logs of every incarnation of a service that runs no more.

        Raises:
            StorageError: Something could not be removed.

        """
        for incarnation in await self.incarnations(name):
            await self._store.delete_prefix(log_directory(name, incarnation))

    async def purge_replica(self, name: str, incarnation: str, replica_id: int) -> None:
        """Remove the logs of one replica that is gone; none is no error.

        Raises:
            StorageError: Something could not be removed.

        """
        await self._store.delete_prefix(replica_prefix(name, incarnation, replica_id))

    async def nodes(
        self, name: str, incarnation: str, replica_id: int | None = None
    ) -> AsyncIterator[tuple[tuple[int, int], AsyncIterator[bytes]]]:
        """Yield the replica and number of each node, and what is stored of it, in pieces.

        Raises:
            UsageError: There is no log of that replica.
            StorageError: The store could not be read.

        """
        streams = await self._streams(name, incarnation, replica_id)
        if replica_id is not None and not streams:
            raise await self._unknown_replica(name, incarnation, replica_id)
        for node, logs in groupby(streams, key=_node):
            yield node, self._contents(list(logs))

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
            StorageError: The store could not be read; while following, for a minute.

        """
        logs: dict[LogStream, GrowingLog] = {}
        if ended is None or tail is not None:
            streams = await self._streams(name, incarnation, replica_id)
            for _, node in groupby(streams, key=_node):
                async for line in self._backlog(list(node), tail, logs):
                    yield line
        if ended is not None:
            async for line in self._news(name, incarnation, replica_id, logs, ended):
                yield line
        for log in logs.values():
            for line in log.rest():
                yield line
        if replica_id is not None and not logs:
            raise await self._unknown_replica(name, incarnation, replica_id)

    async def _last_change(self, name: str, incarnation: str) -> float:
        objects = await self._store.list(log_directory(name, incarnation))
        return max((each.modified for each in objects), default=0.0)

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

    async def _news(
        self,
        name: str,
        incarnation: str,
        replica_id: int | None,
        logs: dict[LogStream, GrowingLog],
        ended: asyncio.Event,
    ) -> AsyncIterator[LogLine]:
        """Yield what is added to the logs that are known and to new ones, until it has ended."""
        readable, last_look = time.monotonic(), False
        while not last_look:
            began, last_look = time.monotonic(), ended.is_set()
            try:
                for stream in await self._streams(name, incarnation, replica_id):
                    async for line in self._log(stream, logs).added():
                        yield line
                readable = time.monotonic()
            except StorageError:
                if time.monotonic() > readable + STORE_SECONDS:
                    raise
                last_look = False
            if not last_look:
                await asyncio.sleep(max(LOOK_SECONDS, time.monotonic() - began))

    def _log(self, stream: LogStream, logs: dict[LogStream, GrowingLog]) -> GrowingLog:
        if stream not in logs:
            logs[stream] = GrowingLog(stream, self._reader.cursor(stream.prefix))
        return logs[stream]

    async def _contents(self, streams: Sequence[LogStream]) -> AsyncIterator[bytes]:
        """Yield several logs, each from the beginning of a line."""
        last = b"\n"
        for stream in streams:
            if not last.endswith(b"\n"):
                yield b"\n"
            async for piece in self._reader.read(stream.prefix):
                yield piece
                last = piece

    async def _backlog(
        self, node: Sequence[LogStream], tail: int | None, logs: dict[LogStream, GrowingLog]
    ) -> AsyncIterator[LogLine]:
        """Yield the lines of one node up to now, and note how far each of its logs was read."""
        last: list[LogLine] = []
        for stream in node:
            log = self._log(stream, logs)
            if tail is None:
                async for line in log.added():
                    yield line
                continue
            end = await self._reader.tail(stream.prefix, tail)
            log.cursor = end.cursor
            last += log.feed(end.data)
        for line in last[max(0, len(last) - (tail or 0)) :]:
            yield line


def _node(stream: LogStream) -> tuple[int, int]:
    return (stream.replica_id, stream.node)
