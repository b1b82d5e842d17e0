"""One listening port and the connections that came through it."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import sys
from collections.abc import Callable

from lb.data.access_log import AccessLine
from lb.data.client import Client, turn_away
from lb.data.exhaustion import Exhausted, is_exhaustion
from lb.data.service import Service
from lb.http.stream import Stream

_BACKLOG = 1024
_SPARE = 64
"""File descriptors that no client gets: for connections to replicas, the disk and the control
process."""

LineWriter = Callable[[Service, AccessLine], None]


class PortUnavailable(Exception):
    """The port cannot be listened on."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(f"port {port} cannot be listened on: {reason}")
        self.port = port


class Listener:
    """A port that serves one service."""

    def __init__(self, service: Service, log: LineWriter) -> None:
        self.service = service
        """The service served now: another one when a new incarnation takes the port over."""
        self.closing = False
        self._log = log
        self._clients: set[Client] = set()
        self._turned_away: set[asyncio.Task[None]] = set()
        self._descriptors = _descriptors()
        self._spare = min(_SPARE, self._descriptors // 4)
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> None:
        """Start to accept connections.

        Raises:
            PortUnavailable: The port is taken or not allowed.
            Exhausted: It may well be free.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._protocol, host, port, backlog=_BACKLOG)
        except OSError as error:
            if is_exhaustion(error) and error.errno != errno.EADDRNOTAVAIL:
                raise Exhausted(f"port {port}: {os.strerror(error.errno or 0)}") from error
            # asyncio puts a sentence of its own, with the port in it, in the place of strerror.
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise PortUnavailable(port, reason) from error
        if not self._server.sockets:
            # Event loops take a socket that cannot be made for one of a kind that is not known.
            raise Exhausted(f"port {port}: no socket could be made")

    def log(self, service: Service, line: AccessLine) -> None:
        """Write a line to the access log."""
        self._log(service, line)

    def close(self) -> None:
        """Stop accepting; connections end with the request that they are at."""
        self.closing = True
        if self._server:
            self._server.close()
        for client in list(self._clients):
            if client.idle:
                client.abort()

    def abort(self) -> None:
        """End all connections now."""
        for client in list(self._clients):
            client.abort()

    async def finished(self) -> None:
        """Wait until all connections have ended."""
        await asyncio.gather(*(client.finished() for client in self._clients))

    @property
    def connected(self) -> bool:
        """Whether any connection is left."""
        return bool(self._clients)

    def _protocol(self) -> Stream:
        return Stream(on_open=self._accept)

    def _accept(self, stream: Stream) -> None:
        # The lowest free number is always taken: a high one means that few are left.
        left = self._descriptors - stream.descriptor
        if left > self._spare:
            self._clients.add(Client(stream, self, self._clients.discard))
            return
        self.service.codes[503] += 1
        if left <= self._spare // 2:
            # Many came at once: those that wait for an answer must not take all that is spare.
            stream.abort()
            return
        task = asyncio.create_task(turn_away(stream))
        self._turned_away.add(task)
        task.add_done_callback(self._turned_away.discard)


def _descriptors() -> int:
    """Return how many file descriptors this process can have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
