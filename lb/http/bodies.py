"""Bodies of HTTP/1.x messages: where each one ends, while its bytes pass by unchanged."""

from __future__ import annotations

import re
from typing import ClassVar

from lb.http.heads import BadHead, Head, RequestHead, ResponseHead, parse_field

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[^\x00-\x08\x0a-\x1f\x7f]*+)?\r\n")
_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r[^\n]")
_SMALL = 2048
"""Chunks of less bytes, framing included, are known by their length: those of events mostly are."""
_LINE_LIMIT = 4096
"""Longest line of a chunk's size or of a trailer, in bytes."""
_TRAILER_LIMIT = 16 * 1024
_NOT_IN_TRAILERS = frozenset({b"transfer-encoding", b"content-length", b"host"})
"""Fields that would change how the message is read, had they come in the head."""


class BadFraming(Exception):
    """A body whose framing is not valid."""


class Body:
    """Finds the end of one body."""

    __slots__ = ("content", "done", "length", "rest")

    chunked: ClassVar[bool] = False
    ends_with_connection: ClassVar[bool] = False

    def __init__(self, length: int | None) -> None:
        self.length = length
        """Length of the content where it is known from the start."""
        self.done = length == 0
        self.content = 0
        """Number of bytes of content that have come, framing not counted."""
        self.rest = b""
        """Bytes that came after the end."""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return those of the body that can be passed on.

        Raises:
            BadFraming: They cannot belong to a valid body.
        """
        raise NotImplementedError

    def renewed(self) -> Body:
        """Return the same body of a request, of which nothing has come; forget this one."""
        raise NotImplementedError


class LengthBody(Body):
    """A body of known length; of none, for messages without one."""

    __slots__ = ("_size",)

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self._size = length

    def renewed(self) -> Body:
        """Return this one, as it was."""
        self.content, self.rest = 0, b""
        self.done = not self._size
        return self

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes."""
        left = self._size - self.content
        size = len(data)
        if size > left:
            self.rest = data[left:]
            data = data[:left]
            size = left
        self.content += size
        self.done = size == left
        return data


NO_BODY = LengthBody(0)
"""What requests have that come without a body; nothing is ever fed to it."""


class UntilCloseBody(Body):
    """A response body that ends when the connection does."""

    __slots__ = ()
    ends_with_connection = True

    def __init__(self) -> None:
        super().__init__(None)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes: all belong to the body."""
        self.content += len(data)
        return data


class ChunkedBody(Body):
    """A chunked body; what is passed on consists of whole valid lines and of content."""

    __slots__ = ("_bare", "_between", "_held", "_left", "_step", "_trailers")
    chunked = True

    def __init__(self, bare: bool = False) -> None:
        """Begin.

        Args:
            bare: Whether only the content is passed on, without its framing.
        """
        super().__init__(None)
        self._bare = bare
        self._held = b""
        self._left = 0
        self._trailers = 0
        self._step = ChunkedBody._size_line
        self._between = not bare
        """Whether what comes next begins with a chunk, and is passed on as it is."""

    def renewed(self) -> Body:
        """Return a new one."""
        return ChunkedBody(self._bare)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; an unfinished line is held back until it is known to be valid."""
        size = len(data)
        if self._between and size < _SMALL:
            line, content = _WHOLE_CHUNKS[size]
            if data.startswith(line) and data.endswith(b"\r\n"):
                # Exactly one chunk, as servers of events send them.
                self.content += content
                return data
        raw = self._feed(data)
        self._between = not (self._held or self._bare or self._step is not ChunkedBody._size_line)
        return raw

    def _feed(self, data: bytes) -> bytes:
        if self._held:
            data = self._held + data
            self._held = b""
        payload: list[bytes] = []
        position = 0
        while position < len(data) and not self.done:
            after = self._step(self, data, position, payload)
            if after < 0:
                break
            position = after
        if position == len(data):
            return b"".join(payload) if self._bare else data
        if self.done:
            self.rest = data[position:]
        else:
            self._held = data[position:]
        return b"".join(payload) if self._bare else data[:position]

    # Each step returns the position up to which it came, and -1 if it needs more bytes.

    def _size_line(self, data: bytes, position: int, payload: list[bytes]) -> int:
        line = _CHUNK_LINE.match(data, position, position + _LINE_LIMIT)
        if line is None:
            if _line_end(data, position) >= 0:
                raise BadFraming("the size of a chunk is not valid")
            return -1
        size = int(line[1], 16)
        begin = line.end()
        end = begin + size
        if size and data[end : end + 2] == b"\r\n":
            # A whole chunk at once, as servers of events send them.
            self._take(data, begin, end, payload)
            return end + 2
        self._left = size
        self._step = ChunkedBody._content if size else ChunkedBody._trailer
        return begin

    def _content(self, data: bytes, position: int, payload: list[bytes]) -> int:
        end = min(position + self._left, len(data))
        if end == position:
            return -1
        self._take(data, position, end, payload)
        self._left -= end - position
        if not self._left:
            self._step = ChunkedBody._content_end
        return end

    def _content_end(self, data: bytes, position: int, payload: list[bytes]) -> int:
        found = data[position : position + 2]
        if not b"\r\n".startswith(found):
            raise BadFraming("a chunk is longer than its size says")
        if len(found) < 2:
            return -1
        self._step = ChunkedBody._size_line
        return position + 2

    def _trailer(self, data: bytes, position: int, payload: list[bytes]) -> int:
        end = _line_end(data, position)
        if end < 0:
            return -1
        self._trailers += end + 2 - position
        if self._trailers > _TRAILER_LIMIT:
            raise BadFraming("the trailers are too long")
        self.done = end == position
        if not self.done:
            _check_trailer(data[position : end + 2])
        return end + 2

    def _take(self, data: bytes, begin: int, end: int, payload: list[bytes]) -> None:
        self.content += end - begin
        if self._bare:
            payload.append(data[begin:end])


def _whole_chunk(size: int) -> tuple[bytes, int]:
    """Return how a chunk of so many bytes begins, framing included, and what content it has."""
    for digits in range(1, 4):
        content = size - digits - 4
        line = b"%x\r\n" % max(content, 0)
        if content > 0 and len(line) == digits + 2:
            return line, content
    # No chunk has this length: nothing begins with what is longer than itself.
    return bytes(_SMALL), 0


_WHOLE_CHUNKS = tuple(_whole_chunk(size) for size in range(_SMALL))


def request_body(head: RequestHead) -> Body:
    """Return the body that a request has.

    Raises:
        BadHead: Its framing is ambiguous or unknown.
    """
    if b"transfer-encoding" in head.noted:
        _check_coding(head)
        return ChunkedBody()
    return LengthBody(head.length) if head.length else NO_BODY


def response_body(method: bytes, head: ResponseHead, bare: bool = False) -> Body:
    """Return the body that a final response to a method has (RFC 9112, section 6.3).

    Args:
        method: What was asked.
        head: What was answered.
        bare: Whether chunks are passed on without their framing.

    Raises:
        BadHead: Its framing is ambiguous or unknown.
    """
    if method == b"HEAD" or head.status in (204, 304):
        return LengthBody(0)
    if b"transfer-encoding" in head.noted:
        _check_coding(head)
        return ChunkedBody(bare)
    return UntilCloseBody() if head.length is None else LengthBody(head.length)


def _check_coding(head: Head) -> None:
    if b"content-length" in head.noted:
        raise BadHead("there are both a Content-Length and a Transfer-Encoding")
    if head.minor == 0:
        raise BadHead("HTTP/1.0 knows no Transfer-Encoding")
    if head.noted[b"transfer-encoding"].lower() != b"chunked":
        raise BadHead("the only Transfer-Encoding known here is chunked", 501)


def _line_end(data: bytes, position: int) -> int:
    """Return where the CR LF of a line begins; -1 if it has not come."""
    end = data.find(b"\r\n", position)
    line = data[position : end if end >= 0 else len(data)]
    if len(line) > _LINE_LIMIT:
        raise BadFraming("a line in a chunked body is too long")
    if _BARE_LINE_END.search(line):
        raise BadFraming("a line in a chunked body does not end with CR LF")
    return end


def _check_trailer(line: bytes) -> None:
    try:
        name, _ = parse_field(line)
    except BadHead as error:
        raise BadFraming(f"a trailer is not valid: {error}") from None
    if name.lower() in _NOT_IN_TRAILERS:
        raise BadFraming(f"{name.decode()} is not allowed in trailers")
