"""One connection as a transport of bytes: what clients' and replicas' have in common."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

HIGH_WATER = 64 * 1024
"""Bytes held per direction before the sender is made to wait."""
_LINGER_SECONDS = 30
"""Time for the last bytes to leave after a close."""
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""A peer that vanished without a word is noticed after about two minutes."""


class Stream:
    """A connection; subclasses say what becomes of what comes.

    It has all methods of an asyncio.Protocol and does not inherit from it: a class that is compiled
    to C can have no class of the standard library above it.
    """

    __slots__ = ("blocked", "closing", "ended", "lost", "paused", "peer", "transport")

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.peer = "unknown"
        """Address of the other side, without its port."""
        self.blocked = False
        """Whether the other side reads more slowly than this one writes."""
        self.ended = False
        """Whether the other side has said its last byte."""
        self.closing = False
        """Whether this side has given it up, or it is lost."""
        self.lost = False
        self.paused = False
        """Whether nothing is taken from the other side for now."""

    def as_protocol(self) -> asyncio.Protocol:
        """Return this connection as what an event loop wants."""
        return cast("asyncio.Protocol", self)

    # What users of a connection call

    def is_open(self) -> bool:
        """Return whether both directions work, as far as is known."""
        return not (self.ended or self.closing or self.transport.is_closing())

    @property
    def descriptor(self) -> int:
        """Number of the connection's file descriptor; the lowest that was free at its beginning."""
        return int(self.transport.get_extra_info("socket").fileno())

    def write(self, data: bytes) -> None:
        """Hand over bytes; they are lost if the connection is."""
        if not self.closing:
            self.transport.write(data)

    def pause(self) -> None:
        """Take nothing more from the other side for now."""
        if not self.paused and not self.transport.is_closing():
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Take what comes again."""
        if self.paused and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()

    def end(self) -> None:
        """Say that nothing more will be sent."""
        if not self.transport.is_closing() and self.transport.can_write_eof():
            self.transport.write_eof()

    def close(self) -> None:
        """End the connection once everything has been sent."""
        if not self.closing:
            self.closing = True
            self.transport.close()
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.abort)

    def abort(self) -> None:
        """End the connection now."""
        if not self.lost:
            self.closing = True
            self.transport.abort()

    def reset(self) -> None:
        """End the connection now, in a way that the other side cannot take for a proper end."""
        if self.lost:
            return
        # A zero linger time makes the kernel send RST instead of FIN.
        self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        # Kept: the access log names it also when the connection is gone. A unix socket has none.
        name = transport.get_extra_info("peername")
        if not isinstance(name, tuple):
            return
        self.peer = str(name[0])
        self._set_option(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            if hasattr(socket, option):
                self._set_option(socket.IPPROTO_TCP, getattr(socket, option), value)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self.lost = self.closing = True

    def pause_writing(self) -> None:
        """Note that the other side does not follow."""
        self.blocked = True

    def resume_writing(self) -> None:
        """Note that it does again."""
        self.blocked = False

    def _set_option(self, level: int, option: int, value: int | bytes) -> None:
        # Event loops differ in what their own socket objects allow, so this one is borrowed. It
        # must not cost a second descriptor: there may be none left.
        borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=self.descriptor)
        try:
            borrowed.setsockopt(level, option, value)
        finally:
            borrowed.detach()
