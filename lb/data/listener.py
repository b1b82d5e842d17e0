"""One listening port and the connections that came through it."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import sys

from lb.data.client import Client
from lb.data.departures import Departures
from lb.data.exhaustion import Exhausted, is_exhaustion
from lb.data.service import Service
from lb.data.sockets import Sockets

_BACKLOG = 1024
_SPARE = 64
"""File descriptors that no client gets: for connections to replicas, the disk and the control
process."""


class PortUnavailable(Exception):
    """The port cannot be listened on."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(f"port {port} cannot be listened on: {reason}")
        self.port = port


class Listener:
    """A port that serves one service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        """The service served now: another one when a new incarnation takes the port over."""
        self.closing = False
        self.keep_alive = True
        """Whether connections may go on after the request that they are at."""
        self.departures = Departures()
        self._clients: set[Client] = set()
        self._descriptors = _descriptors()
        self._spare = min(_SPARE, self._descriptors // 4)
        self._servers: list[asyncio.Server] = []

    async def open(self, sockets: Sockets, port: int) -> None:
        """Start to accept connections.

        Raises:
            PortUnavailable: The port is taken or not allowed.
            Exhausted: It may well be free.
        """
        try:
            await self._accept_on(sockets, port)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            if is_exhaustion(error) and error.errno != errno.EADDRNOTAVAIL:
                raise Exhausted(f"port {port}: {reason}") from error
            raise PortUnavailable(port, reason) from error

    def close(self) -> None:
        """Stop accepting; connections end with the request that they are at."""
        self.leave()
        self.closing = True
        for client in list(self._clients):
            if client.idle:
                client.abort()

    def leave(self) -> None:
        """Stop accepting; each connection ends with the next answer, which says so."""
        self.keep_alive = False
        self._stop_accepting()

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

    def came(self, client: Client) -> None:
        """Take a new connection in, or turn it away if there is no room."""
        self._clients.add(client)
        # The lowest free number is always taken: a high one means that few are left.
        left = self._descriptors - client.descriptor
        if left > self._spare:
            return
        self.service.measures.answered(None, 503)
        if left <= self._spare // 2:
            # Many came at once: those that wait for an answer must not take all that is spare.
            client.abort()
        else:
            client.turn_away()

    def went(self, client: Client) -> None:
        """Note that a connection is gone."""
        self._clients.discard(client)

    async def _accept_on(self, sockets: Sockets, port: int) -> None:
        lent = await sockets.open(port)
        try:
            self._servers = [await self._accepting(each) for each in lent]
        except BaseException:
            await sockets.close(port)
            raise

    async def _accepting(self, lent: socket.socket) -> asyncio.Server:
        # A copy, as a server closes its socket, and this one may be handed on to another process.
        own = lent.dup()
        try:
            return await asyncio.get_running_loop().create_server(
                self._protocol, sock=own, backlog=_BACKLOG
            )
        except BaseException:
            own.close()
            raise

    def _stop_accepting(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def _protocol(self) -> asyncio.Protocol:
        return Client(self).as_protocol()


def _descriptors() -> int:
    """Return how many file descriptors this process can have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
