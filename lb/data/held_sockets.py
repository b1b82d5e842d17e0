"""Listening sockets that another process holds, so that they outlive the one that accepts."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from lb.data.channel import Channel, Message
from lb.data.sockets import in_use

OPEN = "open"
CLOSE = "close"
BEGIN = "begin"
"""What a process asks its holder: it serves what it knows, and may it answer at the control
interface?"""
LEAVE = "leave"
"""What a holder tells: another process accepts now."""
LEFT = "left"
"""What a process answers to that."""
REACT = "react"
"""What a holder asks from time to time, and a process that does not hang says, too."""


class HeldSockets:
    """The sockets that a holder lends this process."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lent: dict[int, list[socket.socket]] = {}
        self._replies: deque[asyncio.Future[Message]] = deque()
        self._gone = False

    async def run(self, leave: Callable[[], None]) -> None:
        """Take what the holder says; call `leave` when it says so, or is gone."""
        while message := await self._channel.receive():
            if message.values.get("say") == LEAVE:
                leave()
                self._channel.send({"say": LEFT})
            elif message.values.get("say") == REACT:
                self._channel.send({"say": REACT})
            elif not (reply := self._replies.popleft()).done():
                reply.set_result(message)
        self._gone = True
        leave()
        for reply in self._replies:
            if not reply.done():
                reply.set_exception(_gone())

    async def begin(self) -> None:
        """Wait until this process may answer at the control interface.

        Raises:
            ConnectionError: The holder is gone.
        """
        await self._ask({"say": BEGIN})

    async def open(self, port: int) -> Sequence[socket.socket]:
        """Return sockets of a port.

        Raises:
            OSError: The port is taken or not allowed, the computer has run out of something, or
                the holder is gone.
        """
        if port in self._lent:
            raise in_use()
        reply = await self._ask({"say": OPEN, "port": port})
        if number := reply.values["errno"]:
            raise OSError(number, os.strerror(number))
        self._lent[port] = reply.sockets()
        return self._lent[port]

    async def close(self, port: int) -> None:
        """Give a port back."""
        for each in self._lent.pop(port, ()):
            each.close()
        self._channel.send({"say": CLOSE, "port": port})

    def let_go(self) -> None:
        """Give all ports back, as this process accepts on none any more."""
        for sockets in self._lent.values():
            for each in sockets:
                each.close()
        self._lent.clear()

    async def _ask(self, values: dict[str, object]) -> Message:
        if self._gone:
            raise _gone()
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._replies.append(reply)
        self._channel.send(values)
        return await reply


def _gone() -> ConnectionError:
    return ConnectionResetError("the process that holds the sockets is gone")
