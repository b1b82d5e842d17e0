"""What becomes of a head on its way through: the rules of RFC 9110, section 7.6, and no more."""

from __future__ import annotations

from lb.http.heads import RequestHead, ResponseHead

_LENGTH = frozenset({b"content-length"})
_CHUNKED = b"Transfer-Encoding: chunked\r\n"


def forward_request(
    head: RequestHead, client: bytes, authority: bytes, request_id: bytes, content: bytes = b""
) -> bytes:
    """Return the head to send to a replica, and what follows it.

    Args:
        head: The client's, which comes from this client only.
        client: Address of the client.
        authority: Host of the replica, for a client of HTTP/1.0 that names none.
        request_id: Name of the request, which is added if the client gave it none.
        content: What came of the body, framing included.
    """
    lines = head.forwarded
    if lines is None:
        lines = head.forwarded = b"".join(_request_lines(head, client))
    if head.host is None:
        lines += b"Host: " + authority + b"\r\n"
    if head.request_id is not None:
        return b"".join((lines, b"\r\n", content))
    return b"".join((lines, b"X-Request-ID: ", request_id, b"\r\n\r\n", content))


def forward_response(
    head: ResponseHead,
    request: RequestHead,
    keep_alive: bool,
    request_id: bytes,
    content: bytes,
    *,
    chunked: bool = False,
) -> bytes:
    """Return the head of a final response to send to the client, and what follows it.

    Args:
        head: The replica's.
        request: What it answers.
        keep_alive: Whether the client's connection stays open after it.
        request_id: Name of the request, which is added if the replica did not give it one.
        content: What came of the body, as it is passed on.
        chunked: Whether its body is.
    """
    lines = head.forwarded
    if lines is None:
        lines = head.forwarded = b"".join(_response_lines(head))
    if chunked and request.minor > 0:
        lines += _CHUNKED
    if not keep_alive:
        lines += b"Connection: close\r\n"
    elif request.minor == 0:
        lines += b"Connection: keep-alive\r\n"
    if b"x-request-id" in head.noted:
        return b"".join((lines, b"\r\n", content))
    return b"".join((lines, b"X-Request-ID: ", request_id, b"\r\n\r\n", content))


def forward_interim(head: ResponseHead) -> bytes:
    """Return the head of an interim response."""
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.reason, head.passed)


def forward_switch(head: ResponseHead, request_id: bytes) -> bytes:
    """Return the head of the 101 that begins a tunnel."""
    lines = [b"HTTP/1.1 101 %b\r\n" % head.reason, head.passed]
    if b"x-request-id" not in head.noted:
        lines.append(b"X-Request-ID: " + request_id + b"\r\n")
    protocol = head.noted.get(b"upgrade", b"")
    lines.append(b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n")
    return b"".join(lines)


def _request_lines(head: RequestHead, client: bytes) -> list[bytes]:
    lines = [head.method, b" ", head.target, b" HTTP/1.1\r\n", head.passed]
    lines += _forwarded(head, client)
    if b"transfer-encoding" in head.noted:
        lines.append(_CHUNKED)
    if head.upgrade:
        lines.append(b"Connection: Upgrade\r\nUpgrade: " + head.upgrade + b"\r\n")
    return lines


def _response_lines(head: ResponseHead) -> list[bytes]:
    lines = [b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason)]
    lines.append(head.without(_LENGTH) if head.status == 204 else head.passed)
    if head.status == 426 and b"upgrade" in head.noted:
        lines.append(b"Upgrade: " + head.noted[b"upgrade"] + b"\r\n")
    return lines


def _forwarded(head: RequestHead, client: bytes) -> list[bytes]:
    # What the client says of its own way here stays, to the left of what is known here. Scheme and
    # host are replaced: nothing on this port is trusted to know them better.
    claimed = head.noted.get(b"x-forwarded-for")
    chain = client if claimed is None else claimed + b", " + client
    lines = [b"X-Forwarded-For: ", chain, b"\r\nX-Forwarded-Proto: http\r\n"]
    if head.host is not None:
        lines += (b"X-Forwarded-Host: ", head.host, b"\r\n")
    if b"forwarded" in head.noted:
        lines.append(_chained(head, client))
    return lines


def _chained(head: RequestHead, client: bytes) -> bytes:
    """Return the Forwarded header of RFC 7239, with this hop appended."""
    node = b'"[' + client + b']"' if b":" in client else client
    hop = b"for=" + node + b";proto=http"
    if head.host is not None:
        hop += b';host="' + head.host + b'"'
    claimed = head.noted[b"forwarded"]
    # An open quotation would swallow what is appended.
    whole = claimed and claimed.count(b'"') % 2 == 0
    return b"Forwarded: " + (claimed + b", " + hop if whole else hop) + b"\r\n"
