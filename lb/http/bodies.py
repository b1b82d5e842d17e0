"""Bodies of HTTP/1.x messages: where each one ends, while its bytes pass by unchanged."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from lb.http.heads import BadHead, Fields, RequestHead, ResponseHead, parse_field, values

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r[^\n]")
_LENGTH = re.compile(rb"\d{1,18}")
_LINE_LIMIT = 4096
"""Longest line of a chunk's size or of a trailer, in bytes."""
_TRAILER_LIMIT = 16 * 1024
_NOT_IN_TRAILERS = frozenset({b"transfer-encoding", b"content-length", b"host"})
"""Fields that would change how the message is read, had they come in the head."""


class BadFraming(Exception):
    """A body whose framing is not valid."""


class Fed(NamedTuple):
    """What came of some bytes."""

    raw: bytes
    """Bytes of the body as they came, framing included."""
    payload: bytes
    """The content alone."""
    rest: bytes
    """Bytes after the end of the body."""


class Body(ABC):
    """Finds the end of one body."""

    chunked: ClassVar[bool] = False
    ends_with_connection: ClassVar[bool] = False
    done: bool = False
    length: int | None = None
    """Length of the content where it is known from the start."""

    @abstractmethod
    def feed(self, data: bytes) -> Fed:
        """Take the next bytes.

        Raises:
            BadFraming: They cannot belong to a valid body.
        """


class LengthBody(Body):
    """A body of known length; of none, for messages without one."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes) -> Fed:
        """Take the next bytes."""
        taken = data[: self._left]
        self._left -= len(taken)
        self.done = self._left == 0
        return Fed(taken, taken, data[len(taken) :])


class UntilCloseBody(Body):
    """A response body that ends when the connection does."""

    ends_with_connection = True

    def feed(self, data: bytes) -> Fed:
        """Take the next bytes: all belong to the body."""
        return Fed(data, data, b"")


class ChunkedBody(Body):
    """A chunked body; what is passed on consists of whole valid lines and of content."""

    chunked = True

    def __init__(self) -> None:
        self._held = b""
        self._left = 0
        self._trailers = 0
        self._step = self._size_line

    def feed(self, data: bytes) -> Fed:
        """Take the next bytes; an unfinished line is held back until it is known to be valid."""
        data = self._held + data
        payload: list[bytes] = []
        position = 0
        while not self.done:
            after = self._step(data, position, payload)
            if after is None:
                break
            position = after
        self._held = b"" if self.done else data[position:]
        rest = data[position:] if self.done else b""
        return Fed(data[:position], b"".join(payload), rest)

    def _size_line(self, data: bytes, position: int, payload: list[bytes]) -> int | None:
        end = _line_end(data, position)
        if end is None:
            return None
        line = _CHUNK_LINE.fullmatch(data, position, end)
        if line is None:
            raise BadFraming("the size of a chunk is not valid")
        self._left = int(line[1], 16)
        self._step = self._content if self._left else self._trailer
        return end + 2

    def _content(self, data: bytes, position: int, payload: list[bytes]) -> int | None:
        taken = data[position : position + self._left]
        if not taken:
            return None
        payload.append(taken)
        self._left -= len(taken)
        if not self._left:
            self._step = self._content_end
        return position + len(taken)

    def _content_end(self, data: bytes, position: int, payload: list[bytes]) -> int | None:
        found = data[position : position + 2]
        if not b"\r\n".startswith(found):
            raise BadFraming("a chunk is longer than its size says")
        if len(found) < 2:
            return None
        self._step = self._size_line
        return position + 2

    def _trailer(self, data: bytes, position: int, payload: list[bytes]) -> int | None:
        end = _line_end(data, position)
        if end is None:
            return None
        self._trailers += end + 2 - position
        if self._trailers > _TRAILER_LIMIT:
            raise BadFraming("the trailers are too long")
        self.done = end == position
        if not self.done:
            _check_trailer(data[position : end + 2])
        return end + 2


def request_body(head: RequestHead) -> Body:
    """Return the body that a request has.

    Raises:
        BadHead: Its framing is ambiguous or unknown.
    """
    codings = values(head.fields, b"transfer-encoding")
    if not codings:
        return LengthBody(_length(head.fields) or 0)
    _check_coding(codings, head.fields, head.minor)
    return ChunkedBody()


def response_body(method: bytes, head: ResponseHead) -> Body:
    """Return the body that a final response to a method has (RFC 9112, section 6.3).

    Raises:
        BadHead: Its framing is ambiguous or unknown.
    """
    if method == b"HEAD" or head.status in (204, 304):
        return LengthBody(0)
    codings = values(head.fields, b"transfer-encoding")
    if codings:
        _check_coding(codings, head.fields, head.minor)
        return ChunkedBody()
    length = _length(head.fields)
    return UntilCloseBody() if length is None else LengthBody(length)


def _length(fields: Fields) -> int | None:
    lengths = values(fields, b"content-length")
    if not lengths:
        return None
    if len(lengths) > 1:
        raise BadHead("there is more than one Content-Length")
    if not _LENGTH.fullmatch(lengths[0]):
        raise BadHead("the Content-Length is not a number")
    return int(lengths[0])


def _check_coding(codings: list[bytes], fields: Fields, minor: int) -> None:
    if values(fields, b"content-length"):
        raise BadHead("there are both a Content-Length and a Transfer-Encoding")
    if minor == 0:
        raise BadHead("HTTP/1.0 knows no Transfer-Encoding")
    if len(codings) > 1 or codings[0].lower() != b"chunked":
        raise BadHead("the only Transfer-Encoding known here is chunked", 501)


def _line_end(data: bytes, position: int) -> int | None:
    end = data.find(b"\r\n", position)
    line = data[position : end if end >= 0 else len(data)]
    if len(line) > _LINE_LIMIT:
        raise BadFraming("a line in a chunked body is too long")
    if _BARE_LINE_END.search(line):
        raise BadFraming("a line in a chunked body does not end with CR LF")
    return end if end >= 0 else None


def _check_trailer(line: bytes) -> None:
    try:
        name, _ = parse_field(line)
    except BadHead as error:
        raise BadFraming(f"a trailer is not valid: {error}") from None
    if name.lower() in _NOT_IN_TRAILERS:
        raise BadFraming(f"{name.decode()} is not allowed in trailers")
