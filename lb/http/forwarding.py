"""What becomes of a head on its way through: the rules of RFC 9110, section 7.6, and no more."""

from __future__ import annotations

from lb.http.bodies import Body
from lb.http.heads import Fields, RequestHead, ResponseHead, connection_options, values

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
_NEVER_REMOVED = frozenset({b"host", b"content-length"})
"""A Connection header that names these would change what the message is."""
_OURS = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"})
_CHUNKED = b"Transfer-Encoding: chunked\r\n"


def forward_request(head: RequestHead, body: Body, client: bytes, authority: bytes) -> bytes:
    """Return the head to send to a replica.

    Args:
        head: The client's.
        body: What follows it.
        client: Address of the client.
        authority: Host of the replica, for a client of HTTP/1.0 that names none.
    """
    lines = [head.method, b" ", head.target, b" HTTP/1.1\r\n"]
    lines += _lines(end_to_end(head.fields), without=_OURS)
    hosts = values(head.fields, b"host")
    if not hosts:
        lines.append(b"Host: " + authority + b"\r\n")
    lines += _forwarded(head.fields, client, hosts)
    if body.chunked:
        lines.append(_CHUNKED)
    if head.upgrade:
        lines.append(b"Connection: Upgrade\r\nUpgrade: " + head.upgrade + b"\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def forward_response(
    head: ResponseHead, body: Body, request: RequestHead, keep_alive: bool
) -> bytes:
    """Return the head of a final response to send to the client.

    Args:
        head: The replica's.
        body: What follows it.
        request: What it answers.
        keep_alive: Whether the client's connection stays open after it.
    """
    lines = _status_line(head)
    unwanted = frozenset({b"content-length"}) if head.status == 204 else frozenset()
    lines += _lines(end_to_end(head.fields), without=unwanted)
    if body.chunked and request.minor > 0:
        lines.append(_CHUNKED)
    if head.status == 426:
        lines += [b"Upgrade: " + value + b"\r\n" for value in values(head.fields, b"upgrade")]
    if not keep_alive:
        lines.append(b"Connection: close\r\n")
    elif request.minor == 0:
        lines.append(b"Connection: keep-alive\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def forward_interim(head: ResponseHead) -> bytes:
    """Return the head of an interim response, or of the 101 that begins a tunnel."""
    lines = _status_line(head) + _lines(end_to_end(head.fields))
    if head.status == 101:
        protocol = b", ".join(values(head.fields, b"upgrade"))
        lines.append(b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def end_to_end(fields: Fields) -> Fields:
    """Return the fields that are meant for more than one connection."""
    named = connection_options(fields) - _NEVER_REMOVED
    return tuple(
        (name, value)
        for name, value in fields
        if (lower := name.lower()) not in _HOP_BY_HOP and lower not in named
    )


def _status_line(head: ResponseHead) -> list[bytes]:
    return [b"HTTP/1.1 %d " % head.status, head.reason, b"\r\n"]


def _lines(fields: Fields, without: frozenset[bytes] = frozenset()) -> list[bytes]:
    return [b"%b: %b\r\n" % (name, value) for name, value in fields if name.lower() not in without]


def _forwarded(fields: Fields, client: bytes, hosts: list[bytes]) -> list[bytes]:
    # What the client says of its own way here stays, to the left of what is known here. Scheme and
    # host are replaced: nothing on this port is trusted to know them better.
    chain = b", ".join([*values(fields, b"x-forwarded-for"), client])
    lines = [b"X-Forwarded-For: " + chain + b"\r\n", b"X-Forwarded-Proto: http\r\n"]
    if hosts:
        lines.append(b"X-Forwarded-Host: " + hosts[0] + b"\r\n")
    return lines
