"""Connections to one replica, kept open between requests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from lb.data.exhaustion import Exhausted, is_exhaustion
from lb.http.heads import ResponseHead
from lb.http.stream import Stream

CONNECT_SECONDS = 5.0
"""Longest wait for a connection: time for two repeated SYN packets, after 1 s and 3 s."""
WITNESS_SECONDS = 3.0
"""How long an unused connection must have stood open before it is believed that they do: most
servers close them after 5 s or more, some after each request."""
_FRESH_SECONDS = 1.0
"""How long a connection may have been unused that a request goes over which cannot be repeated; far
less than was witnessed."""
_IDLE_SECONDS = 60.0
"""Time after which an unused connection is dropped."""
_IDLE_LIMIT = 1024
"""Number of unused connections kept per replica."""


class NotConnected(Exception):
    """There is no connection to the replica: it got nothing of the request."""


class User(Protocol):
    """Whoever a connection to a replica serves at the moment."""

    def from_replica(self, data: bytes) -> None:
        """Take bytes."""

    def replica_ended(self) -> None:
        """Note that the replica has said its last byte."""

    def replica_lost(self) -> None:
        """Note that the connection is gone."""

    def replica_reads(self, reads: bool) -> None:
        """Note that the replica does not follow what it is sent, or does again."""


class Connection(Stream):
    """A connection to a replica."""

    __slots__ = ("last_head", "reused", "since", "upstream", "user")

    def __init__(self, upstream: Upstream) -> None:
        super().__init__()
        self.upstream = upstream
        self.user: User | None = None
        self.last_head: tuple[bytes, ResponseHead | None] = b"", None
        """The head that came last, and what it says."""
        self.reused = False
        """Whether it served an earlier request: the replica may be closing it at this moment."""
        self.since = 0.0
        """Since when (loop time, seconds) it is unused."""

    def data_received(self, data: bytes) -> None:
        """Hand bytes on; those that nobody asked for would be taken for the next answer."""
        if self.user is None:
            self.transport.abort()
        else:
            self.user.from_replica(data)

    def eof_received(self) -> bool:
        """Note that the replica has said its last byte; this side may still speak."""
        self.ended = True
        if self.user is None:
            self.upstream.closed_unused(self)
            self.transport.abort()
        else:
            self.user.replica_ended()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone."""
        super().connection_lost(exc)
        if self.user is not None:
            self.user.replica_lost()
        elif exc is not None:
            self.upstream.closed_unused(self)

    def pause_writing(self) -> None:
        """Make the sender wait."""
        self.blocked = True
        if self.user is not None:
            self.user.replica_reads(False)

    def resume_writing(self) -> None:
        """Let the sender go on."""
        self.blocked = False
        if self.user is not None:
            self.user.replica_reads(True)


Connected = Callable[[Connection | NotConnected | Exhausted], None]


class Upstream:
    """Connections to one address."""

    def __init__(self, url: str) -> None:
        """Prepare for connections to `http://HOST:PORT` or `unix:/PATH`.

        Raises:
            ValueError: The URL is not that of a plain HTTP server.
        """
        self._path, self._host, self._port, self.authority = _address(url)
        self._idle: list[Connection] = []
        self._closed = False
        self._stands = False
        """Whether an unused connection was seen to stay open for a while."""
        self._witness: Connection | None = None

    def take(self, careful: bool, now: float) -> Connection | None:
        """Return a connection that is open and unused.

        Args:
            careful: Whether it must be one that the replica is most surely not closing just now.
            now: The time (of the event loop, in seconds).
        """
        if careful and not self._stands:
            self._call_witness()
            return None
        oldest = now - (_FRESH_SECONDS if careful else _IDLE_SECONDS)
        while self._idle:
            if self._idle[-1].since < oldest:
                # Those before it have been unused for longer.
                return None
            connection = self._idle.pop()
            if not (connection.ended or connection.lost):
                connection.reused = True
                return connection
        return None

    def connect(self, done: Connected) -> asyncio.Task[None]:
        """Open a connection, and call back with it or with the reason why there is none.

        Returns:
            What can be cancelled as long as there was no call.
        """
        return asyncio.create_task(self._connect(done))

    async def accepts(self) -> bool:
        """Return whether the replica accepts a connection, which it is not asked anything on."""
        try:
            connection = await self._open()
        except (NotConnected, Exhausted):
            return False
        connection.abort()
        return True

    def give_back(self, connection: Connection, now: float) -> None:
        """Keep a connection for another request.

        Args:
            connection: The one.
            now: The time (of the event loop, in seconds).
        """
        connection.user = None
        # As `is_open` has it, without a call.
        shut = connection.ended or connection.closing or connection.transport.is_closing()
        if self._closed or shut:
            connection.abort()
            return
        if connection.paused:
            connection.resume()
        connection.since = now
        self._idle.append(connection)
        if len(self._idle) > _IDLE_LIMIT or now - self._idle[0].since > _IDLE_SECONDS:
            self._idle.pop(0).abort()

    def closed_unused(self, connection: Connection) -> None:
        """Note that the replica closed a connection that it was asked nothing on."""
        age = asyncio.get_running_loop().time() - connection.since
        if age < WITNESS_SECONDS:
            self._stands = False
        if connection is self._witness:
            self._witness = None

    def broke_when_used(self) -> None:
        """Note that a used connection broke before a byte of an answer came."""
        self._stands = False

    def close(self) -> None:
        """Drop all unused connections, and keep none from now on."""
        self._closed = True
        self._drop_idle()
        if self._witness is not None:
            self._witness.abort()
            self._witness = None

    def reopen(self) -> None:
        """Keep connections again."""
        self._closed = False

    async def _connect(self, done: Connected) -> None:
        found: Connection | NotConnected | Exhausted
        try:
            found = await self._open()
        except (NotConnected, Exhausted) as error:
            found = error
        done(found)

    async def _open(self) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._connection()
        except TimeoutError:
            raise NotConnected(f"no connection within {CONNECT_SECONDS:g} s") from None
        except OSError as error:
            if is_exhaustion(error):
                raise Exhausted(os.strerror(error.errno or 0)) from error
            raise NotConnected(str(error)) from error

    async def _connection(self) -> Connection:
        loop = asyncio.get_running_loop()
        made = Connection(self)
        if self._path:
            await loop.create_unix_connection(made.as_protocol, self._path)
        else:
            await loop.create_connection(made.as_protocol, self._host, self._port)
        return made

    def _call_witness(self) -> None:
        """Leave a connection unused for a while, to see whether the replica leaves it open."""
        if self._witness is None and self._idle:
            self._witness = self._idle.pop(0)
            loop = asyncio.get_running_loop()
            loop.call_later(WITNESS_SECONDS, self._testify, self._witness)

    def _testify(self, connection: Connection) -> None:
        if connection is not self._witness:
            return
        self._witness = None
        if connection.is_open():
            self._stands = True
            self._idle.insert(0, connection)

    def _drop_idle(self) -> None:
        for connection in self._idle:
            connection.abort()
        self._idle.clear()


def _address(url: str) -> tuple[str, str, int, bytes]:
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
        return parts.path, "", 0, b"localhost"
    plain = parts.scheme == "http" and parts.hostname and "@" not in parts.netloc
    if not plain or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(
            f"{url!r} is not an endpoint; one looks like http://10.0.0.7:8080 or unix:/run/a.sock"
        )
    assert parts.hostname  # noqa: S101 - part of `plain`
    return "", parts.hostname, parts.port or 80, parts.netloc.encode("ascii")
