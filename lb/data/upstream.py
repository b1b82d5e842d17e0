"""Connections to one replica, kept open between requests."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from lb.data.exhaustion import Exhausted, is_exhaustion
from lb.http.stream import Stream

CONNECT_SECONDS = 5.0
"""Longest wait for a connection: time for two repeated SYN packets, after 1 s and 3 s."""
_IDLE_SECONDS = 60.0
"""Time after which an unused connection is dropped."""
_IDLE_LIMIT = 64
"""Number of unused connections kept per replica."""


class NotConnected(Exception):
    """There is no connection to the replica: it got nothing of the request."""


@dataclass(frozen=True)
class Connection:
    """A connection to a replica, for one request."""

    stream: Stream
    reused: bool
    """Whether it served an earlier request: the replica may be closing it at this moment."""


class Upstream:
    """Connections to one address."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._idle: list[tuple[float, Stream]] = []
        self._closed = False

    async def connect(self, fresh: bool) -> Connection:
        """Return a connection, a new one if it must be fresh or none is left.

        Raises:
            NotConnected: The replica refused, could not be reached, or did not answer in time.
            Exhausted: It was not even tried.
        """
        if not fresh and (stream := self._take()):
            return Connection(stream, reused=True)
        return Connection(await self._open(), reused=False)

    async def accepts(self) -> bool:
        """Return whether the replica accepts a connection, which it is not asked anything on."""
        try:
            stream = await self._open()
        except (NotConnected, Exhausted):
            return False
        stream.abort()
        return True

    def give_back(self, stream: Stream) -> None:
        """Keep a connection for another request."""
        if self._closed or not stream.open or stream.waiting:
            stream.abort()
            return
        stream.on_end = stream.abort
        # Bytes that nobody asked for would be taken for the next answer.
        stream.unused = True
        now = asyncio.get_running_loop().time()
        self._idle.append((now, stream))
        if len(self._idle) > _IDLE_LIMIT or self._idle[0][0] < now - _IDLE_SECONDS:
            self._idle.pop(0)[1].abort()

    def close(self) -> None:
        """Drop all unused connections, and keep none from now on."""
        self._closed = True
        for _, stream in self._idle:
            stream.abort()
        self._idle.clear()

    def reopen(self) -> None:
        """Keep connections again."""
        self._closed = False

    async def _open(self) -> Stream:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, stream = await loop.create_connection(Stream, self._host, self._port)
        except TimeoutError:
            raise NotConnected(f"no connection within {CONNECT_SECONDS:g} s") from None
        except OSError as error:
            if is_exhaustion(error):
                raise Exhausted(os.strerror(error.errno or 0)) from error
            raise NotConnected(str(error)) from error
        return stream

    def _take(self) -> Stream | None:
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS
        while self._idle:
            since, stream = self._idle.pop()
            stream.on_end = None
            stream.unused = False
            if since >= oldest and stream.open:
                return stream
            stream.abort()
        return None
