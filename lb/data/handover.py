"""A data plane takes the listening sockets over from the one before, so that none is ever closed.

The later one connects and says `take`; it gets the lock of the installation and all listening
sockets, and begins to accept beside the earlier one. Then it says `go`; the earlier one stops
accepting, makes room at the control interface, and says `left`. If the later one fails before that,
nothing has changed.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import IO

from lb.data.channel import MOST_DESCRIPTORS, Channel
from lb.data.control_socket import PrivateSocket
from lb.data.sockets import OwnSockets

_TAKE = "take"
_GO = "go"
_LEFT = "left"
_ANSWER_SECONDS = 5.0
_RETRY_SECONDS = 1.0


class Inheritance:
    """What an earlier data plane gave; it accepts connections until told that it may go."""

    def __init__(
        self, channel: Channel, lock: IO[bytes], sockets: dict[int, list[socket.socket]]
    ) -> None:
        self.lock = lock
        self.sockets = sockets
        self._channel = channel

    async def begin(self) -> None:
        """Have the earlier data plane leave; return when it has, or is gone."""
        self._channel.send({"say": _GO})
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._channel.receive()
        self._channel.close()


async def take_over(path: Path, host: str) -> Inheritance | None:
    """Return what the data plane that runs hands over; None if none runs, or it does not answer.

    Sockets of another address than the host are not taken.
    """
    channel = await _connected(path)
    if channel is None:
        return None
    channel.send({"say": _TAKE})
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await _received(channel, host)
    except TimeoutError:
        channel.close()
        return None


class Handover:
    """Hands this data plane's sockets to the next one."""

    def __init__(
        self,
        path: Path,
        sockets: OwnSockets,
        lock: IO[bytes],
        leave: Callable[[], Awaitable[None]],
    ) -> None:
        """Begin with nobody there.

        Args:
            path: Where the next one connects.
            sockets: What it gets.
            lock: The lock of the installation.
            leave: Stops accepting, and makes room at the control interface.
        """
        self._socket = PrivateSocket(path)
        self._sockets = sockets
        self._lock = lock
        self._leave = leave

    async def run(self) -> None:
        """Wait for the next data plane until it has taken over, or until cancelled."""
        while True:
            try:
                if await self._offer():
                    return
            except OSError:
                # A full disk or too many open files: the same will be said of the control socket.
                await asyncio.sleep(_RETRY_SECONDS)

    async def _offer(self) -> bool:
        loop = asyncio.get_running_loop()
        with self._socket.bind() as bound:
            bound.listen()
            bound.setblocking(False)
            try:
                while True:
                    connection, _ = await loop.sock_accept(bound)
                    if await self._converse(Channel(connection)):
                        return True
            finally:
                self._socket.unbind()

    async def _converse(self, channel: Channel) -> bool:
        try:
            while message := await channel.receive():
                if message.values["say"] == _TAKE:
                    self._give(channel)
                elif message.values["say"] == _GO:
                    self._socket.unbind()
                    await self._leave()
                    channel.send({"say": _LEFT})
                    return True
            return False
        finally:
            channel.close()

    def _give(self, channel: Channel) -> None:
        channel.send({"host": self._sockets.host, "ports": [], "more": True}, [self._lock.fileno()])
        found = self._sockets.ports.items()
        pairs = ((port, each.fileno()) for port, sockets in found for each in sockets)
        while batch := list(islice(pairs, MOST_DESCRIPTORS)):
            ports, descriptors = zip(*batch, strict=True)
            channel.send({"ports": ports, "more": True}, descriptors)
        channel.send({"ports": [], "more": False})


async def _connected(path: Path) -> Channel | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, str(path))
    except OSError:
        connection.close()
        return None
    return Channel(connection)


async def _received(channel: Channel, host: str) -> Inheritance | None:
    if not (first := await channel.receive()):
        return None
    lock = os.fdopen(first.descriptors[0], "rb")
    sockets: dict[int, list[socket.socket]] = {}
    while message := await channel.receive():
        for port, each in zip(message.values["ports"], message.sockets(), strict=True):
            sockets.setdefault(port, []).append(each)
        if not message.values["more"]:
            if first.values["host"] != host:
                for each in chain.from_iterable(sockets.values()):
                    each.close()
                sockets = {}
            return Inheritance(channel, lock, sockets)
    return None
