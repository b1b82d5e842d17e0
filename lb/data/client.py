"""One client's connection: its requests, one after the other."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from lb.data import answers
from lb.data.access_log import AccessLine, unreadable
from lb.data.exchange import Exchange
from lb.data.request import Request
from lb.data.service import Service
from lb.http.heads import BadHead
from lb.http.stream import Stream, read_head

HEAD_SECONDS = 15.0
"""Time for a head to come, from its first byte (and, on a new connection, from its beginning)."""
IDLE_SECONDS = 75.0
"""Time without a request after which a connection is closed; as long as nginx waits."""
_DISCARD_SECONDS = 5.0
"""Time in which what a client still sends is read and thrown away, so that it sees the answer."""

_TURN_AWAY_SECONDS = 1.0
"""Time for a client that there is no room for to say something, and so to be answered."""

_log = logging.getLogger(__name__)


class Home(Protocol):
    """What a connection must know of the listener it came through."""

    closing: bool
    """Whether connections end after the request that they are at."""

    @property
    def service(self) -> Service:
        """The service that is served now."""

    def log(self, service: Service, line: AccessLine) -> None:
        """Write a line to the access log."""


class Client:
    """A connection from a client."""

    def __init__(self, stream: Stream, home: Home, done: Callable[[Client], None]) -> None:
        self._stream = stream
        self._home = home
        self._done = done
        self._answering = False
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    @property
    def idle(self) -> bool:
        """Whether no request is there or on its way to a replica."""
        return not self._answering and not self._stream.waiting

    async def finished(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.wait([self._task])

    def abort(self) -> None:
        """End the connection now."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            # Cancelled when the client goes, so that the replica is told at once.
            self._stream.on_end = self.abort
            while await self._next():
                pass
            await self._close()
        except (ConnectionResetError, TimeoutError):
            self._stream.abort()
        except Exception:
            _log.exception("a request failed in the balancer itself")
            self._stream.abort()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._stream.abort()
        self._done(self)

    async def _next(self) -> bool:
        self._answering = False
        if self._home.closing:
            return False
        try:
            request = await self._read()
        except BadHead as error:
            await self._refuse(error)
            return False
        if request is None or not self._stream.open:
            return False
        return await self._serve(request)

    async def _read(self) -> Request | None:
        if not self._stream.waiting:
            await self._wait()
        self._answering = True
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                data = await read_head(self._stream)
        except TimeoutError:
            raise BadHead(f"the head did not come within {HEAD_SECONDS:g} s", 408) from None
        return Request(data, self._stream) if data else None

    async def _wait(self) -> None:
        async with asyncio.timeout(IDLE_SECONDS):
            self._stream.unread(await self._stream.receive())

    async def _refuse(self, error: BadHead) -> None:
        answer = answers.bad_request(str(error), error.status)
        service = self._home.service
        service.codes[answer.status] += 1
        self._home.log(service, unreadable(self._stream.peer, answer.status, len(answer.content)))
        await self._stream.send(answer.encode(method=b"GET", keep_alive=False))

    async def _serve(self, request: Request) -> bool:
        service = self._home.service
        exchange = Exchange(request, service, not self._home.closing)
        try:
            return await exchange.run()
        finally:
            self._home.log(service, exchange.line())

    async def _close(self) -> None:
        """Close in a way that lets the last answer arrive although the client still sends."""
        self._stream.on_end = None
        self._stream.end()
        try:
            async with asyncio.timeout(_DISCARD_SECONDS):
                while await self._stream.receive():
                    pass
        except (ConnectionResetError, TimeoutError):
            pass
        self._stream.close()


async def turn_away(stream: Stream) -> None:
    """Tell a client that there is no room for its connection."""
    answer = answers.exhausted(os.strerror(errno.EMFILE))
    with suppress(ConnectionResetError, TimeoutError):
        async with asyncio.timeout(_TURN_AWAY_SECONDS):
            # What was sent and not read would reset the connection, and cost it the answer.
            await stream.receive()
        stream.write(answer.encode(method=b"GET", keep_alive=False))
    stream.close()
