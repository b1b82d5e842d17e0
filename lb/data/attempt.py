"""One attempt to have a request answered by one replica: until its answer begins."""

from __future__ import annotations

from abc import abstractmethod

from lb.data.relay import CUT_SHORT, Relay
from lb.data.search import Search
from lb.data.upstream import Connection
from lb.http.bodies import BadFraming, Body, response_body
from lb.http.heads import BadHead, ResponseHead, find_end, parse_response


class Attempt(Search):
    """Reads what the replica that was found answers, up to the body of the final answer."""

    __slots__ = ("_begun", "_buffer", "_connection")

    @abstractmethod
    def interim(self, head: ResponseHead) -> None:
        """Take an interim answer."""

    @abstractmethod
    def switch(self, head: ResponseHead, data: bytes) -> None:
        """Take a 101 and the first bytes of what is spoken from then on."""

    @abstractmethod
    def whole(self, head: ResponseHead, content: bytes) -> None:
        """Take a final answer that came at once."""

    @abstractmethod
    def final(self, head: ResponseHead, body: Body, raw: bytes) -> Relay | None:
        """Take the head of the final answer and what came of its body.

        Returns:
            Who takes more of it; nobody if nothing more is wanted.
        """

    @abstractmethod
    def broken(self, message: str) -> None:
        """Note that the connection broke before a single byte of an answer came."""

    @abstractmethod
    def replica_reads(self, reads: bool) -> None:
        """Note that the replica does not follow what it is sent, or does again."""

    @abstractmethod
    def cut(self, message: str) -> None:
        """Note that the answer did not come to its end, or is not valid HTTP."""

    def _listen(self, connection: Connection) -> None:
        """Read the answer that comes over a connection."""
        self._connection: Connection | None = connection
        self._begun = False
        """Whether any byte of an answer came."""
        self._buffer = b""
        connection.user = self

    def _release(self, keep: bool, now: float) -> None:
        """Let go of the connection, if there is one.

        Args:
            keep: Whether it can take another request, as far as the answer says.
            now: The time (of the event loop, in seconds).
        """
        connection = self._connection
        if connection is None:
            return
        self._connection = connection.user = None
        if keep and not connection.blocked:
            connection.upstream.give_back(connection, now)
        else:
            connection.abort()

    # What the connection calls

    def from_replica(self, data: bytes) -> None:
        """Take bytes of the answer's head, and what comes with it."""
        self._begun = True
        connection = self._connection
        assert connection is not None  # noqa: S101 - it is the connection that calls
        known, last = connection.last_head
        if (
            last is not None
            and last.whole == len(data) - len(known)
            and not self._buffer
            and data.startswith(known)
            and self.request.head.method != b"HEAD"
        ):
            # What most answers are: whole, with the same head as the one before.
            self.whole(last, data[len(known) :])
            return
        while True:
            try:
                head, data = self._cut_head(connection, data)
            except BadHead as error:
                self.cut(str(error))
                return
            if head is None:
                return
            if head.status >= 200:
                self._answer_begins(head, data)
                return
            if head.status == 101:
                self.switch(head, data)
                return
            self.interim(head)
            if not data:
                return

    def replica_ended(self) -> None:
        """Note that nothing more comes."""
        self.replica_lost()

    def replica_lost(self) -> None:
        """Note that nothing more comes."""
        if self._begun:
            self.cut(CUT_SHORT)
        else:
            self.broken("the replica closed the connection")

    def _cut_head(self, connection: Connection, data: bytes) -> tuple[ResponseHead | None, bytes]:
        """Return a head, if all of it came, and what follows it."""
        known, head = connection.last_head
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
        connection.last_head = data[:end], head
        return head, data[end:]

    def _answer_begins(self, head: ResponseHead, data: bytes) -> None:
        request = self.request.head
        if head.whole == len(data) and request.method != b"HEAD":
            self.whole(head, data)
            return
        try:
            # HTTP/1.0 knows no chunks.
            body = response_body(request.method, head, bare=request.minor == 0)
            raw = body.feed(data)
        except (BadHead, BadFraming) as error:
            self.cut(str(error))
            return
        relay = self.final(head, body, raw)
        if relay is not None:
            relay.listen()
