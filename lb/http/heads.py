"""Heads of HTTP/1.x messages.

One strict parser decides what a message is. Whatever two parties could read in two ways is refused
(RFC 9112, sections 2.2, 3.2, 5 and 11.2), so no request can hide inside another.

A head is checked as a whole by one regular expression. Only the few fields that mean something on
the way are looked at; the others stay the bytes they are.
"""

from __future__ import annotations

import re

HEAD_LIMIT = 64 * 1024
"""Longest head in bytes; as much as common servers allow (8 to 64 KiB)."""

Fields = tuple[tuple[bytes, bytes], ...]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_TEXT = rb"[^\x00-\x08\x0a-\x1f\x7f]*+"
_LINES = rb"((?:" + _TOKEN + rb":" + _TEXT + rb"\r\n)*+)\r\n"
_REQUEST_LINE = rb"(" + _TOKEN + rb") ([\x21-\x7e\x80-\xff]++) HTTP/(\d)\.(\d)\r\n"
_STATUS_LINE = rb"HTTP/1\.(\d) ([1-9]\d\d)(?: (" + _TEXT + rb"))?\r\n"
_REQUEST = re.compile(_REQUEST_LINE + _LINES)
_RESPONSE = re.compile(_STATUS_LINE + _LINES)
_FIRST_OF_REQUEST = re.compile(_REQUEST_LINE)
_FIRST_OF_RESPONSE = re.compile(_STATUS_LINE)
_FIELD = re.compile(rb"(" + _TOKEN + rb"):(" + _TEXT + rb")\r\n")
_NOTED_IN_REQUEST = re.compile(
    rb"\n(con(?:nection|tent-length)|forwarded|host|keep-alive|t(?:e|ransfer-encoding)|upgrade"
    rb"|proxy-(?:authenticate|authorization|connection)"
    rb"|x-(?:forwarded-(?:for|host|proto)|request-id)):([^\r]*+)\r"
)
_NOTED_IN_RESPONSE = re.compile(
    rb"\n(con(?:nection|tent-(?:length|type))|keep-alive|t(?:e|ransfer-encoding)|upgrade"
    rb"|proxy-(?:authenticate|authorization|connection)|x-request-id):([^\r]*+)\r"
)
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    }
)
_REPLACED = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"})
_NOT_IN_REQUEST = _HOP_BY_HOP | _REPLACED
_NEVER_REMOVED = frozenset({b"host", b"content-length"})
"""A Connection header that names these would change what the message is."""
_PLAIN_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade"})
_HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%\-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE)
_REQUEST_ID = re.compile(rb"[0-9A-Za-z._~+/=:@\-]{1,128}")
_LENGTH = re.compile(rb"\d{1,18}")
EVENTS = b"text/event-stream"
_KINDS = (EVENTS, b"application/json")
_EMPTY_LINES = re.compile(rb"(?:\r\n)+")
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")


class BadHead(Exception):
    """A head that is refused, with the status that says so to a client."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Head:
    """What the heads of requests and responses have in common."""

    __slots__ = ("_lines", "forwarded", "keep_alive", "length", "minor", "noted", "passed")

    def __init__(
        self, minor: int, lines: bytes, noted: re.Pattern[bytes], dropped: frozenset[bytes]
    ) -> None:
        """Look at the fields.

        Args:
            minor: Minor version of HTTP/1.x.
            lines: A line feed, and then all valid field lines.
            noted: Finds the fields that mean something on the way, in lower case.
            dropped: Names of those that are not passed on.

        Raises:
            BadHead: There is a Content-Length that is not one number.
        """
        self.minor = minor
        self._lines = lines
        self.noted: dict[bytes, bytes] = {}
        """Values of the fields that mean something here; repeated ones are joined by commas."""
        self.passed = self._look(noted, dropped)
        """The field lines that are meant for more than one connection, byte for byte."""
        self.keep_alive = minor > 0
        """Whether the sender goes on using the connection."""
        if b"connection" in self.noted:
            self._look_at_options()
        length = self.noted.get(b"content-length")
        # Two of them are joined by a comma.
        if length is not None and not _LENGTH.fullmatch(length):
            raise BadHead("the Content-Length is not one number")
        self.length = None if length is None else int(length)
        """What the Content-Length says."""
        self.forwarded: bytes | None = None
        """What `forward_request` and `forward_response` made of the head, but for its end."""

    @property
    def options(self) -> frozenset[bytes]:
        """What the Connection field lists, in lower case."""
        listed = self.noted.get(b"connection", b"").lower().split(b",")
        return frozenset(option.strip(b" \t") for option in listed) - {b""}

    @property
    def fields(self) -> Fields:
        """All fields, in the order in which they came."""
        return tuple((name, text.strip(b" \t")) for name, text in _FIELD.findall(self._lines, 1))

    def without(self, names: frozenset[bytes]) -> bytes:
        """Return the lines to pass on without those of some more fields."""
        found = (match for match in _FIELD.finditer(self.passed))
        return b"".join(match[0] for match in found if match[1].lower() not in names)

    def _look(self, noted: re.Pattern[bytes], dropped: frozenset[bytes]) -> bytes:
        lines = self._lines
        values = self.noted
        kept: list[bytes] = []
        position = 1
        for match in noted.finditer(lines.lower()):
            name = match[1]
            begin, end = match.span(2)
            value = lines[begin:end].strip(b" \t")
            values[name] = values[name] + b", " + value if name in values else value
            if name in dropped:
                kept.append(lines[position : match.start() + 1])
                position = end + 2
        return b"".join(kept) + lines[position:] if position > 1 else lines[1:]

    def _look_at_options(self) -> None:
        options = self.options
        self.keep_alive = b"close" not in options and (self.minor > 0 or b"keep-alive" in options)
        named = options - _PLAIN_OPTIONS - _NEVER_REMOVED
        if named:
            self.passed = self.without(named)


class RequestHead(Head):
    """The head of a request."""

    __slots__ = ("host", "method", "request_id", "target", "upgrade")

    def __init__(self, method: bytes, target: bytes, minor: int, lines: bytes) -> None:
        """Read the fields.

        Raises:
            BadHead: Host and target are not those of one valid request.
        """
        super().__init__(minor, lines, _NOTED_IN_REQUEST, _NOT_IN_REQUEST)
        self.method = method
        self.host = _host(self.noted, minor)
        self.target = target
        """Path and query (or `*`), byte for byte."""
        if target[0] != 0x2F or method == b"CONNECT":
            self.target = _other_target(method, target, self.host)
        self.upgrade = self._upgrade() if b"upgrade" in self.noted else None
        """The protocol that the client asks to go over to."""
        self.request_id = self.noted.get(b"x-request-id")
        """The client's name for the request, if it is one that can be passed on."""
        if self.request_id is not None and not _REQUEST_ID.fullmatch(self.request_id):
            self.request_id = None
            self.passed = self.without(frozenset({b"x-request-id"}))

    def _upgrade(self) -> bytes | None:
        protocol = self.noted[b"upgrade"]
        asked = protocol and self.minor > 0 and b"upgrade" in self.options
        # HTTP/2 behind an upgrade would carry requests that nobody here reads.
        return protocol if asked and b"h2c" not in protocol.lower() else None


class ResponseHead(Head):
    """The head of a response."""

    __slots__ = ("kind", "reason", "status", "whole")

    def __init__(self, status: int, reason: bytes, minor: int, lines: bytes) -> None:
        super().__init__(minor, lines, _NOTED_IN_RESPONSE, _HOP_BY_HOP)
        self.status = status
        self.reason = reason
        counted = b"transfer-encoding" not in self.noted and status >= 200
        self.whole = self.length if counted and status not in (204, 304) else None
        """Length of its body, unless it has none or another framing; but for HEAD."""
        self.kind = b""
        """Which of the types of content it is that clients of models get; empty for others."""
        if b"content-type" in self.noted:
            content_type = self.noted[b"content-type"].lower()
            self.kind = next((kind for kind in _KINDS if content_type.startswith(kind)), b"")


def skip_empty_lines(data: bytes) -> bytes:
    """Return the bytes without empty lines before a message (RFC 9112, section 2.2)."""
    found = _EMPTY_LINES.match(data)
    return data[found.end() :] if found else data


def find_end(data: bytes, seen: int) -> int:
    """Return where a head ends, after its empty line; -1 if it goes on.

    Args:
        data: The bytes from the head's first one on.
        seen: How many of them were looked at before.

    Raises:
        BadHead: It is too long, or a line does not end with CR LF.
    """
    end = data.find(b"\r\n\r\n", max(0, seen - 3))
    if (len(data) if end < 0 else end) > HEAD_LIMIT:
        raise BadHead("the head is too long", 431)
    if end >= 0:
        return end + 4
    # Only what is new is searched: a head that comes byte by byte must not cost its square.
    if _BARE_LINE_FEED.search(data, seen):
        raise BadHead("a line does not end with CR LF")
    return -1


def parse_request(data: bytes) -> RequestHead:
    """Read a head, from its first byte to its empty line.

    Raises:
        BadHead: It is not a strictly valid head of HTTP/1.x.
    """
    found = _REQUEST.fullmatch(data)
    if found is None:
        raise _reason(data, _FIRST_OF_REQUEST, "the request line is not valid")
    method, target, major, minor = found.group(1, 2, 3, 4)
    if major != b"1":
        raise BadHead("only HTTP/1.0 and HTTP/1.1 are spoken here", 505)
    begin, end = found.span(5)
    return RequestHead(method, target, 0 if minor == b"0" else 1, data[begin - 1 : end])


def parse_response(data: bytes) -> ResponseHead:
    """Read the head of a response.

    Raises:
        BadHead: It is not a strictly valid head of HTTP/1.x.
    """
    found = _RESPONSE.fullmatch(data)
    if found is None:
        raise _reason(data, _FIRST_OF_RESPONSE, "the status line is not valid")
    minor, status, reason = found.group(1, 2, 3)
    begin, end = found.span(4)
    lines = data[begin - 1 : end]
    return ResponseHead(int(status), reason or b"", 0 if minor == b"0" else 1, lines)


def parse_field(line: bytes) -> tuple[bytes, bytes]:
    """Read one field line, its line end included.

    Raises:
        BadHead: It is not a strictly valid field line.
    """
    field = _FIELD.fullmatch(line)
    if field is None:
        raise BadHead("a header line is not valid")
    return field[1], field[2].strip(b" \t")


def _reason(data: bytes, first_line: re.Pattern[bytes], otherwise: str) -> BadHead:
    if not first_line.match(data):
        return BadHead(otherwise)
    return BadHead("a header line is not valid, or does not end with CR LF")


def _host(noted: dict[bytes, bytes], minor: int) -> bytes | None:
    host = noted.get(b"host")
    if host is None and minor > 0:
        raise BadHead("a request has exactly one Host header")
    # Two of them are joined by a comma and a space, which no host has.
    if host is not None and not _HOST.fullmatch(host):
        raise BadHead("there is more than one Host header, or it is not valid")
    return host


def _other_target(method: bytes, target: bytes, host: bytes | None) -> bytes:
    if method == b"CONNECT":
        raise BadHead("CONNECT is not served here", 405)
    if target == b"*" and method == b"OPTIONS":
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadHead("the request target is not valid")
    # Two authorities would let two servers disagree on which one counts (RFC 9112, 3.2.2).
    if host is None or absolute[1].lower() != host.lower():
        raise BadHead("the request target names another host than the Host header")
    path = absolute[2]
    return path if path.startswith(b"/") else b"/" + path
