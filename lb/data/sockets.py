"""Listening sockets, which live longer than those who accept on them."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

BALANCES = sys.platform == "linux"
"""Whether the kernel spreads connections over several sockets of one port (SO_REUSEPORT)."""


class Sockets(Protocol):
    """Where a listener gets its sockets from."""

    async def open(self, port: int) -> Sequence[socket.socket]:
        """Return the sockets that accept connections to a port; they are lent.

        Raises:
            OSError: The port is taken or not allowed, or this computer has run out of something.
        """

    async def close(self, port: int) -> None:
        """Give a port back."""

    def let_go(self) -> None:
        """Give all ports back, as this process accepts on none any more."""


class OwnSockets:
    """The sockets of this process, some of which it may have from another one.

    Several sockets of a port are for several processes: the kernel spreads connections evenly over
    them, while of several processes at one socket some get many times what others get. Each socket
    has a queue of its own, which is why none is closed when only the process at it has ended.
    """

    def __init__(
        self,
        host: str,
        inherited: Mapping[int, Sequence[socket.socket]] | None = None,
        count: int = 1,
    ) -> None:
        """Begin with what another process handed over.

        Args:
            host: Address that ports are listened on.
            inherited: Sockets by their port.
            count: Number of sockets that a new port gets, where the kernel can balance them.
        """
        self.host = host
        self._count = count if BALANCES else 1
        self._bound = {port: list(sockets) for port, sockets in (inherited or {}).items()}
        self._lent: set[int] = set()
        self._binding = asyncio.Lock()

    @property
    def ports(self) -> Mapping[int, Sequence[socket.socket]]:
        """All sockets, by their port."""
        return self._bound

    async def open(self, port: int) -> Sequence[socket.socket]:
        """Return the sockets of a port, bound now if they are not yet.

        Raises:
            OSError: The port is taken or not allowed, or this computer has run out of something.
        """
        if port in self._lent:
            raise in_use()
        found = await self.bound(port)
        self._lent.add(port)
        return found

    async def bound(self, port: int) -> Sequence[socket.socket]:
        """Return the sockets of a port for others to accept on.

        Raises:
            OSError: The port is taken or not allowed, or this computer has run out of something.
        """
        async with self._binding:
            if port not in self._bound:
                self._bound[port] = await _bound(self.host, port, self._count)
            return self._bound[port]

    async def close(self, port: int) -> None:
        """Close the sockets of a port."""
        self.close_all_but(self._bound.keys() - {port})

    def let_go(self) -> None:
        """Close all sockets."""
        self.close_all_but(())

    def close_unused(self) -> None:
        """Close the sockets of ports that nobody opened."""
        self.close_all_but(self._lent)

    def close_all_but(self, kept: Collection[int]) -> None:
        """Close the sockets of all ports but some."""
        for port in [port for port in self._bound if port not in kept]:
            self._lent.discard(port)
            for each in self._bound.pop(port):
                each.close()


def in_use() -> OSError:
    """Return the error of a port that is listened on already."""
    return OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


async def _bound(host: str, port: int, count: int) -> list[socket.socket]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    bound: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((each[0], each[4]) for each in found):
            if count > 1:
                # One that shares a port is given one that a stranger shares in the same way.
                _bind(family, address, shares=False).close()
            bound.extend(_bind(family, address, shares=count > 1) for _ in range(count))
    except BaseException:
        for each in bound:
            each.close()
        raise
    return bound


def _bind(family: int, address: tuple[Any, ...], *, shares: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made
