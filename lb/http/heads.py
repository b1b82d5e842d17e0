"""Heads of HTTP/1.x messages.

One strict parser decides what a message is. Whatever two parties could read in two ways is refused
(RFC 9112, sections 2.2, 3.2, 5 and 11.2), so no request can hide inside another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Fields = tuple[tuple[bytes, bytes], ...]

HEAD_LIMIT = 64 * 1024
"""Longest head in bytes; as much as common servers allow (8 to 64 KiB)."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e\x80-\xff]+) HTTP/(\d)\.(\d)\r\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.(\d) ([1-9]\d\d)(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?\r\n")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
_HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%\-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE)


class BadHead(Exception):
    """A head that is refused, with the status that says so to a client."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of a request."""

    method: bytes
    target: bytes
    """Path and query (or `*`), byte for byte."""
    minor: int
    """Minor version of HTTP/1.x that the client speaks."""
    fields: Fields

    @property
    def upgrade(self) -> bytes | None:
        """The protocol that the client asks to go over to."""
        if self.minor == 0 or b"upgrade" not in connection_options(self.fields):
            return None
        protocol = b", ".join(values(self.fields, b"upgrade"))
        # HTTP/2 behind an upgrade would carry requests that nobody here reads.
        return None if not protocol or b"h2c" in protocol.lower() else protocol

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to go on using the connection."""
        return wants_keep_alive(self.minor, self.fields)


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The head of a response."""

    status: int
    reason: bytes
    minor: int
    fields: Fields

    @property
    def keep_alive(self) -> bool:
        """Whether the server will go on using the connection."""
        return wants_keep_alive(self.minor, self.fields)


def parse_request(data: bytes) -> RequestHead:
    """Read a head, from its first byte to its empty line.

    Raises:
        BadHead: It is not a strictly valid head of HTTP/1.x.
    """
    line = _REQUEST_LINE.match(data)
    if line is None:
        raise BadHead("the request line is not valid")
    if line[3] != b"1":
        raise BadHead("only HTTP/1.0 and HTTP/1.1 are spoken here", 505)
    minor = min(int(line[4]), 1)
    fields = _fields(data, line.end())
    host = _host(fields, minor)
    return RequestHead(line[1], _target(line[1], line[2], host), minor, fields)


def parse_response(data: bytes) -> ResponseHead:
    """Read the head of a response.

    Raises:
        BadHead: It is not a strictly valid head of HTTP/1.x.
    """
    line = _STATUS_LINE.match(data)
    if line is None:
        raise BadHead("the status line is not valid", 502)
    return ResponseHead(
        int(line[2]), line[3] or b"", min(int(line[1]), 1), _fields(data, line.end())
    )


def parse_field(line: bytes) -> tuple[bytes, bytes]:
    """Read one field line, its line end included.

    Raises:
        BadHead: It is not a strictly valid field line.
    """
    field = _FIELD.fullmatch(line)
    if field is None:
        raise BadHead("a header line is not valid")
    return field[1], field[2].strip(b" \t")


def values(fields: Fields, name: bytes) -> list[bytes]:
    """Return all values of a field, whose name is given in lower case."""
    return [value for key, value in fields if key.lower() == name]


def connection_options(fields: Fields) -> set[bytes]:
    """Return what the Connection field lists, in lower case."""
    joined = b",".join(values(fields, b"connection"))
    return {option.strip(b" \t").lower() for option in joined.split(b",")} - {b""}


def wants_keep_alive(minor: int, fields: Fields) -> bool:
    """Return whether the sender of a head goes on using the connection."""
    options = connection_options(fields)
    return b"close" not in options and (minor > 0 or b"keep-alive" in options)


def _fields(data: bytes, position: int) -> Fields:
    found: list[tuple[bytes, bytes]] = []
    end = len(data) - 2
    while position < end:
        field = _FIELD.match(data, position)
        if field is None:
            raise BadHead("a header line is not valid")
        found.append((field[1], field[2].strip(b" \t")))
        position = field.end()
    if data[position:] != b"\r\n":
        raise BadHead("the head does not end with an empty line")
    return tuple(found)


def _host(fields: Fields, minor: int) -> bytes | None:
    hosts = values(fields, b"host")
    if len(hosts) > 1 or (not hosts and minor > 0):
        raise BadHead("a request has exactly one Host header")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise BadHead("the Host header is not valid")
    return hosts[0] if hosts else None


def _target(method: bytes, target: bytes, host: bytes | None) -> bytes:
    if method == b"CONNECT":
        raise BadHead("CONNECT is not served here", 405)
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadHead("the request target is not valid")
    # Two authorities would let two servers disagree on which one counts (RFC 9112, 3.2.2).
    if host is None or absolute[1].lower() != host.lower():
        raise BadHead("the request target names another host than the Host header")
    path = absolute[2]
    return path if path.startswith(b"/") else b"/" + path
