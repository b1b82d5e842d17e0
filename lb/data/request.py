"""One request of a client: its head, its body as it comes, and whether it may be sent again."""

from __future__ import annotations

from lb.http.bodies import NO_BODY, Body, ChunkedBody, request_body
from lb.http.heads import RequestHead

REPLAY_LIMIT = 64 * 1024
"""Longest body, in bytes, that is kept so that another replica can be sent it."""
_IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})
"""Methods that may be repeated (RFC 9110, section 9.2.2)."""


class Request:
    """A request whose body may still be on its way."""

    __slots__ = ("_kept", "body", "head", "kept_size", "replayable")

    def __init__(self, head: RequestHead) -> None:
        """Begin with the head.

        Raises:
            BadHead: Its framing is ambiguous or unknown.
        """
        self.head = head
        self.body: Body = request_body(head)
        self._kept: list[bytes] = []
        self.kept_size = 0
        """Number of bytes of the body that are kept, framing included."""
        self.replayable = True
        """Whether all that came of the body is still there."""

    def renew(self) -> None:
        """Become another request with the same head, once nothing more comes of this one."""
        if self.body is not NO_BODY:
            self.body = self.body.renewed()
            self._kept = []
            self.kept_size = 0
            self.replayable = True

    def kept(self) -> bytes:
        """Return what came of the body, framing included, unless it is too long to be kept."""
        return self._kept[0] if len(self._kept) == 1 else b"".join(self._kept)

    @property
    def prefix(self) -> bytes:
        """The content that came so far, without framing."""
        return ChunkedBody(bare=True).feed(self.kept()) if self.body.chunked else self.kept()

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the client and return those of the body that can be passed on.

        Raises:
            BadFraming: The body is not valid.
        """
        raw = self.body.feed(data)
        if raw and self.replayable:
            self._kept.append(raw)
            self.kept_size += len(raw)
        return raw

    def fill(self, data: bytes) -> None:
        """Take all of a body whose length is known."""
        self.body.content = self.kept_size = len(data)
        self.body.done = True
        self._kept.append(data)

    def sent(self) -> None:
        """Note that all there is was sent to a replica: what is too long is no longer kept."""
        if self.kept_size > REPLAY_LIMIT:
            self.replayable = False
            self._kept.clear()
            self.kept_size = 0

    def may_repeat(self, retry: str) -> bool:
        """Return whether it may be sent to another replica after it was sent to one."""
        if retry == "none" or not self.replayable:
            return False
        return retry == "all" or self.head.method in _IDEMPOTENT

    def may_reuse(self, retry: str) -> bool:
        """Return whether it may go over any connection that was used before.

        The replica may be closing such a connection at this very moment, and nobody can tell that
        from a replica that took the request and died. So a request that could not be repeated then
        gets a new connection, or one that is most surely open.
        """
        if retry == "none" or not self.replayable:
            return False
        if retry != "all" and self.head.method not in _IDEMPOTENT:
            return False
        length = self.body.length
        return length is not None and length <= REPLAY_LIMIT
