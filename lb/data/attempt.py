"""One attempt to have a request answered by one replica: until its answer begins."""

from __future__ import annotations

from typing import Protocol

from lb.data.relay import CUT_SHORT, Owner, Relay
from lb.data.replicas import Replica
from lb.data.upstream import Connection
from lb.http.bodies import BadFraming, Body, response_body
from lb.http.heads import BadHead, RequestHead, ResponseHead, find_end, parse_response


class Taker(Owner, Protocol):
    """Whoever an answer is for."""

    def interim(self, head: ResponseHead) -> None:
        """Take an interim answer."""

    def switch(self, head: ResponseHead, data: bytes) -> None:
        """Take a 101 and the first bytes of what is spoken from then on."""

    def whole(self, head: ResponseHead, content: bytes) -> None:
        """Take a final answer that came at once."""

    def final(self, head: ResponseHead, body: Body, raw: bytes) -> Relay | None:
        """Take the head of the final answer and what came of its body.

        Returns:
            Who takes more of it; nobody if nothing more is wanted.
        """

    def broken(self, message: str) -> None:
        """Note that the connection broke before a single byte of an answer came."""


class Attempt:
    """A request under way to a replica."""

    __slots__ = (
        "_begun",
        "_buffer",
        "_request",
        "_taker",
        "connection",
        "replica",
    )

    def __init__(
        self, taker: Taker, replica: Replica, connection: Connection, request: RequestHead
    ) -> None:
        """Listen to a connection.

        Args:
            taker: Told what comes.
            replica: Who is asked.
            connection: Where.
            request: What is asked.
        """
        self.replica = replica
        self.connection = connection
        self._taker = taker
        self._request = request
        self._begun = False
        """Whether any byte of an answer came."""
        self._buffer = b""
        connection.user = self

    def release(self, keep: bool, now: float) -> None:
        """Let go of the connection.

        Args:
            keep: Whether it can take another request, as far as the answer says.
            now: The time (of the event loop, in seconds).
        """
        connection = self.connection
        connection.user = None
        if keep and not connection.blocked:
            self.replica.upstream.give_back(connection, now)
        else:
            connection.abort()

    def from_replica(self, data: bytes) -> None:
        """Take bytes of the answer's head, and what comes with it."""
        self._begun = True
        known, last = self.connection.last_head
        if (
            last is not None
            and last.whole == len(data) - len(known)
            and not self._buffer
            and data.startswith(known)
            and self._request.method != b"HEAD"
        ):
            # What most answers are: whole, with the same head as the one before.
            self._taker.whole(last, data[len(known) :])
            return
        while True:
            try:
                head, data = self._cut_head(data)
            except BadHead as error:
                self._taker.cut(str(error))
                return
            if head is None:
                return
            if head.status >= 200:
                self._begin(head, data)
                return
            if head.status == 101:
                self._taker.switch(head, data)
                return
            self._taker.interim(head)
            if not data:
                return

    def replica_ended(self) -> None:
        """Note that nothing more comes."""
        self.replica_lost()

    def replica_lost(self) -> None:
        """Note that nothing more comes."""
        if self._begun:
            self._taker.cut(CUT_SHORT)
        else:
            self._taker.broken("the replica closed the connection")

    def replica_reads(self, reads: bool) -> None:
        """Note that the replica does not follow what it is sent, or does again."""
        self._taker.replica_reads(reads)

    def _cut_head(self, data: bytes) -> tuple[ResponseHead | None, bytes]:
        """Return a head, if all of it came, and what follows it."""
        known, head = self.connection.last_head
        if head is not None and not self._buffer and data.startswith(known):
            # Many answers of a replica have the same head.
            return head, data[len(known) :]
        seen = len(self._buffer)
        data = self._buffer + data if seen else data
        end = find_end(data, seen)
        if end < 0:
            self._buffer = data
            return None, b""
        self._buffer = b""
        head = parse_response(data[:end])
        self.connection.last_head = data[:end], head
        return head, data[end:]

    def _begin(self, head: ResponseHead, data: bytes) -> None:
        request = self._request
        if head.whole == len(data) and request.method != b"HEAD":
            self._taker.whole(head, data)
            return
        try:
            # HTTP/1.0 knows no chunks.
            body = response_body(request.method, head, bare=request.minor == 0)
            raw = body.feed(data)
        except (BadHead, BadFraming) as error:
            self._taker.cut(str(error))
            return
        relay = self._taker.final(head, body, raw)
        if relay is not None:
            relay.listen()
