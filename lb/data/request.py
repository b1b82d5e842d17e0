"""One request of a client: its head, its body as it comes, and whether it may be sent again."""

from __future__ import annotations

from lb.http.bodies import Body, request_body
from lb.http.heads import RequestHead, parse_request
from lb.http.stream import Stream

REPLAY_LIMIT = 64 * 1024
"""Longest body, in bytes, that is kept so that another replica can be sent it."""
_IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})
"""Methods that may be repeated (RFC 9110, section 9.2.2)."""


class Request:
    """A request whose body may still be on its way."""

    def __init__(self, data: bytes, client: Stream) -> None:
        """Read the head.

        Raises:
            BadHead: It is not valid.
        """
        self.head: RequestHead = parse_request(data)
        self.body: Body = request_body(self.head)
        self.client = client
        self.sent = b""
        """What was read of the body, framing included; empty once it is too long to be kept."""
        self.replayable = True
        """Whether all that was read of the body is still there."""

    async def read(self) -> bytes:
        """Wait for more of the body, framing included; nothing at its end.

        Raises:
            BadFraming: The body is not valid.
            ConnectionResetError: The client is gone.
        """
        while not self.body.done:
            data = await self.client.receive()
            if not data:
                raise ConnectionResetError("the client ended within its request")
            fed = self.body.feed(data)
            self.client.unread(fed.rest)
            if fed.raw:
                self._keep(fed.raw)
                return fed.raw
        return b""

    def may_repeat(self, retry: str) -> bool:
        """Return whether it may be sent to another replica after it was sent to one."""
        if retry == "none" or not self.replayable:
            return False
        return retry == "all" or self.head.method in _IDEMPOTENT

    def may_reuse(self, retry: str) -> bool:
        """Return whether it may go over a connection that was used before.

        The replica may be closing such a connection at this very moment, and nobody can tell that
        from a replica that took the request and died. So a request that could not be repeated then
        gets a new connection.
        """
        length = self.body.length
        short = length is not None and length <= REPLAY_LIMIT
        return short and self.may_repeat(retry)

    def _keep(self, raw: bytes) -> None:
        if not self.replayable:
            return
        if len(self.sent) + len(raw) > REPLAY_LIMIT:
            self.replayable = False
            self.sent = b""
        else:
            self.sent += raw
