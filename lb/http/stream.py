"""One TCP connection as a stream of bytes, with back-pressure both ways."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from typing import cast

from lb.http.heads import HEAD_LIMIT, BadHead

HIGH_WATER = 64 * 1024
"""Bytes held per direction before the sender is made to wait."""
_LINGER_SECONDS = 30
"""Time for the last bytes to leave after a close."""
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""A peer that vanished without a word is noticed after about two minutes."""


class Stream(asyncio.Protocol):
    """A connection: one reader, any writers."""

    def __init__(
        self,
        on_open: Callable[[Stream], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self.received = 0
        """Number of bytes that came, ever."""
        self.on_end = on_end
        """Called once, when the other side has said its last byte or is gone."""
        self.unused = False
        """Whether nothing is asked of the other side: what it sends then ends the connection."""
        self.peer = "unknown"
        """Address of the other side, without its port."""
        self._on_open = on_open
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._held = 0
        self._reading = True
        self._blocked = False
        self._eof = False
        self._lost = False
        self._reader: asyncio.Future[None] | None = None
        self._writers: list[asyncio.Future[None]] = []

    # What users of a connection call

    @property
    def open(self) -> bool:
        """Whether both directions work, as far as is known."""
        return not (self._eof or self._lost or self._transport_of().is_closing())

    @property
    def descriptor(self) -> int:
        """Number of the connection's file descriptor; the lowest that was free at its beginning."""
        return int(self._transport_of().get_extra_info("socket").fileno())

    @property
    def blocked(self) -> bool:
        """Whether the other side reads more slowly than this one writes."""
        return self._blocked

    @property
    def waiting(self) -> int:
        """Number of bytes that came and were not read yet."""
        return self._held

    async def receive(self) -> bytes:
        """Wait for bytes and return all there are; nothing when the other side has ended.

        Raises:
            ConnectionResetError: The connection broke, or was ended on this side.
        """
        while not self._held:
            if self._eof:
                return b""
            if self._lost:
                raise ConnectionResetError("the connection is gone")
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        self._resume()
        return data

    def unread(self, data: bytes) -> None:
        """Put bytes back before those that wait."""
        if data:
            self._chunks.insert(0, data)
            self._held += len(data)

    def write(self, data: bytes) -> None:
        """Hand over bytes without waiting until they have left.

        Raises:
            ConnectionResetError: The connection is gone.
        """
        if self._lost or self._transport_of().is_closing():
            raise ConnectionResetError("the connection is gone")
        self._transport_of().write(data)

    async def flushed(self) -> None:
        """Wait until few bytes are left to be sent.

        Raises:
            ConnectionResetError: The connection is gone.
        """
        while self._blocked and not self._lost:
            writer = asyncio.get_running_loop().create_future()
            self._writers.append(writer)
            await writer
        if self._lost:
            raise ConnectionResetError("the connection is gone")

    async def send(self, data: bytes) -> None:
        """Hand over bytes and wait while too many are left to be sent.

        Raises:
            ConnectionResetError: The connection is gone.
        """
        self.write(data)
        await self.flushed()

    def end(self) -> None:
        """Say that nothing more will be sent."""
        transport = self._transport_of()
        if not self._lost and not transport.is_closing() and transport.can_write_eof():
            transport.write_eof()

    def close(self) -> None:
        """End the connection once everything has been sent."""
        transport = self._transport_of()
        if self._lost or transport.is_closing():
            return
        transport.close()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.abort)

    def abort(self) -> None:
        """End the connection now."""
        if not self._lost:
            self._transport_of().abort()

    def reset(self) -> None:
        """End the connection now, in a way that the other side cannot take for a proper end."""
        if self._lost:
            return
        # A zero linger time makes the kernel send RST instead of FIN.
        self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        # Kept: the access log names it also when the connection is gone.
        if name := transport.get_extra_info("peername"):
            self.peer = str(name[0])
        self._set_option(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            if hasattr(socket, option):
                self._set_option(socket.IPPROTO_TCP, getattr(socket, option), value)
        if self._on_open:
            self._on_open(self)

    def data_received(self, data: bytes) -> None:
        """Keep bytes for the reader, and stop the sender when they are many."""
        if self.unused:
            self.abort()
            return
        self.received += len(data)
        self._chunks.append(bytes(data))
        self._held += len(data)
        if self._held > HIGH_WATER and self._reading:
            self._reading = False
            self._transport_of().pause_reading()
        self._wake_reader()

    def eof_received(self) -> bool:
        """Note that the other side has said its last byte; this side may still speak."""
        self._eof = True
        self._wake_reader()
        self._ended()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake everybody who waits."""
        self._lost = True
        self._wake_reader()
        self._wake_writers()
        self._ended()

    def pause_writing(self) -> None:
        """Make writers wait."""
        self._blocked = True

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._blocked = False
        self._wake_writers()

    # Helpers

    def _transport_of(self) -> asyncio.Transport:
        assert self._transport is not None  # noqa: S101 - set before anybody sees the stream
        return self._transport

    def _resume(self) -> None:
        if not self._reading and not self._lost and not self._transport_of().is_closing():
            self._reading = True
            self._transport_of().resume_reading()

    def _ended(self) -> None:
        on_end, self.on_end = self.on_end, None
        if on_end:
            on_end()

    def _wake_reader(self) -> None:
        if self._reader and not self._reader.done():
            self._reader.set_result(None)

    def _wake_writers(self) -> None:
        for writer in self._writers:
            if not writer.done():
                writer.set_result(None)
        self._writers.clear()

    def _set_option(self, level: int, option: int, value: int | bytes) -> None:
        # Event loops differ in what their own socket objects allow, so this one is borrowed. It
        # must not cost a second descriptor: there may be none left.
        borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=self.descriptor)
        try:
            borrowed.setsockopt(level, option, value)
        finally:
            borrowed.detach()


async def read_head(stream: Stream) -> bytes | None:
    """Read a head up to its empty line; None when the other side ended before it began.

    Raises:
        BadHead: It is too long, or a line does not end with CR LF.
        ConnectionResetError: The connection broke, or ended within the head.
    """
    data = b""
    end = -1
    while end < 0:
        part = await stream.receive()
        if not part:
            if data:
                raise ConnectionResetError("the connection ended within a head")
            return None
        seen = max(0, len(data) - 3)
        data += part
        while not seen and data.startswith(b"\r\n"):
            # An empty line before a message is to be ignored (RFC 9112, section 2.2).
            data = data[2:]
        end = data.find(b"\r\n\r\n", seen)
        _check_head(data, seen, end)
    stream.unread(data[end + 4 :])
    return data[: end + 4]


def _check_head(data: bytes, seen: int, end: int) -> None:
    stop = len(data) if end < 0 else end
    if stop > HEAD_LIMIT:
        raise BadHead("the head is too long", 431)
    # Only what is new is searched: a head that comes byte by byte must not cost its square.
    if _BARE_LINE_FEED.search(data, seen, stop):
        raise BadHead("a line does not end with CR LF")
