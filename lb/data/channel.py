"""Messages between two processes of a data plane, and the descriptors that go with them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

MOST_DESCRIPTORS = 200
"""File descriptors in one message; SCM_MAX_FD of Linux allows 253."""

_READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class Message:
    """What is wanted or told, and file descriptors that belong to the receiver."""

    values: dict[str, Any]
    descriptors: tuple[int, ...] = ()

    def sockets(self) -> list[socket.socket]:
        """Return the sockets that came with the message; to be called once."""
        return [socket.socket(fileno=descriptor) for descriptor in self.descriptors]


class Channel:
    """One end of a connection over which messages go, a line of JSON each."""

    def __init__(self, connection: socket.socket) -> None:
        """Begin to receive. Belongs to the running event loop."""
        connection.setblocking(False)
        self._connection = connection
        self._received: asyncio.Queue[Message | None] = asyncio.Queue()
        self._data = b""
        self._descriptors: list[int] = []
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection.fileno(), self._read)
        self._open = True

    def send(self, values: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send a message; to nobody if the other end is gone.

        The other end is taken for gone if it leaves more unread than a socket holds.
        """
        if not self._open:
            return
        data = json.dumps({**values, "descriptors": len(descriptors)}).encode() + b"\n"
        try:
            sent = socket.send_fds(self._connection, [data], descriptors)
        except OSError:
            sent = 0
        if sent < len(data):
            self.close()

    async def receive(self) -> Message | None:
        """Return the next message; None when the other end is gone."""
        return await self._received.get()

    def close(self) -> None:
        """End the connection; whoever receives gets None."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._connection.fileno())
        self._connection.close()
        for descriptor in self._descriptors:
            with suppress(OSError):
                os.close(descriptor)
        self._received.put_nowait(None)

    def _read(self) -> None:
        try:
            received = socket.recv_fds(self._connection, _READ_BYTES, MOST_DESCRIPTORS)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        data, descriptors, *_ = received
        if not data:
            self.close()
            return
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        self._descriptors += descriptors
        *lines, self._data = (self._data + data).split(b"\n")
        for line in lines:
            self._received.put_nowait(self._message(line))

    def _message(self, line: bytes) -> Message:
        values = json.loads(line)
        count = values.pop("descriptors")
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return Message(values, tuple(taken))
