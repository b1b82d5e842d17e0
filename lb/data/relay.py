"""The final answer of a replica on its way to the client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lb.data.record import Record
from lb.data.replicas import Replica
from lb.data.upstream import Connection
from lb.http.bodies import BadFraming, Body
from lb.http.forwarding import forward_response
from lb.http.heads import EVENTS, RequestHead, ResponseHead
from lb.http.stream import Stream

HOLD_LIMIT = 64 * 1024
"""Longest answer in bytes that is held back until it is whole, if its request may be repeated."""
HOLD_SECONDS = 0.1
"""Longest time that such an answer is held back: a slow one passes as it comes."""
TAIL = 8192
"""Most bytes that are kept of the end of an answer."""
CUT_SHORT = "the replica closed the connection within an answer"
_TAIL_PIECES = 8
_TAIL_PIECE = TAIL // _TAIL_PIECES


class Owner(Protocol):
    """Whoever an answer belongs to."""

    def complete(self) -> None:
        """Note that the answer has come to its end."""

    def cut(self, message: str) -> None:
        """Note that the answer did not come to its end, or is not valid HTTP."""

    def replica_reads(self, reads: bool) -> None:
        """Note that the replica does not follow what it is sent, or does again."""


def note_answer(record: Record, replica: Replica, head: ResponseHead, now: float) -> None:
    """Note that the client is sent an answer of a replica from now on."""
    codes = replica.codes
    record.status = status = head.status
    codes[status] = codes[status] + 1 if status in codes else 1
    record.first_byte_at = now
    # One of the few known kinds, so the same object.
    record.streamed = head.kind is EVENTS


class Relay:
    """An answer that comes in parts; the client sees nothing of it until it is committed."""

    __slots__ = (
        "_body",
        "_client",
        "_connection",
        "_head",
        "_held",
        "_hold",
        "_owner",
        "_record",
        "_replica",
        "_request",
        "_tail",
        "_time",
        "committed",
        "countable",
        "keep",
        "moved_at",
    )

    def __init__(
        self,
        owner: Owner,
        client: Stream,
        request: RequestHead,
        replica: Replica,
        connection: Connection,
        record: Record,
        head: ResponseHead,
        body: Body,
        keep: bool,
        time: Callable[[], float],
    ) -> None:
        """Prepare to pass an answer on.

        Args:
            owner: Told how the answer ends.
            client: Who gets it.
            request: What is answered.
            replica: Who answers.
            connection: Where.
            record: Notes what the client got.
            head: The answer's head.
            body: What follows it.
            keep: Whether the client's connection stays open if that is up to this answer.
            time: Tells the time of the event loop, in seconds.
        """
        self.committed = False
        """Whether the client has seen some of it, and can be given no other answer."""
        self.countable = not body.ends_with_connection and not (body.chunked and request.minor == 0)
        """Whether the client can tell the end of the body from that of the connection."""
        self.keep = keep and self.countable
        """Whether the client's connection stays open."""
        self._time = time
        self.moved_at = time()
        """When (loop time, seconds) something of it moved last."""
        self._owner = owner
        self._client = client
        self._request = request
        self._replica = replica
        self._connection = connection
        self._record = record
        self._head = head
        self._body = body
        self._held: list[bytes] = []
        self._hold: asyncio.TimerHandle | None = None
        self._tail: deque[bytes] | None = None

    def begin(self, raw: bytes, hold: bool) -> None:
        """Take what came of the body with the head.

        Args:
            raw: The bytes.
            hold: Whether to wait a moment for a short answer to be whole: its loss then costs the
                client nothing.
        """
        length = self._body.length
        if hold and not self._body.done and length is not None and length <= HOLD_LIMIT:
            self._held.append(raw)
            loop = asyncio.get_running_loop()
            self._hold = loop.call_later(HOLD_SECONDS, self.commit)
        else:
            self._commit(raw)

    def listen(self) -> None:
        """Take the rest of the body from the connection."""
        self._connection.user = self

    @property
    def reusable(self) -> bool:
        """Whether the answer leaves the replica's connection fit for another request."""
        return self._head.keep_alive and self._body.done and not self._body.rest

    # What the connection calls

    def from_replica(self, data: bytes) -> None:
        """Pass on what comes of the body: this is done for each event of a stream."""
        body = self._body
        try:
            raw = body.feed(data)
        except BadFraming as error:
            self._owner.cut(str(error))
            return
        if raw:
            self.moved_at = self._time()
            if self._hold is not None:
                self._held.append(raw)
            else:
                # As `Stream.write` does, without a call.
                client = self._client
                if not client.closing:
                    client.transport.write(raw)
                tail = self._tail
                if tail is not None:
                    tail.append(raw if len(raw) <= _TAIL_PIECE else raw[-_TAIL_PIECE:])
        if body.done:
            self._owner.complete()

    def replica_ended(self) -> None:
        """Take the end of the connection for that of the answer, if it is one."""
        if self._body.ends_with_connection:
            self._owner.complete()
        else:
            self.replica_lost()

    def replica_lost(self) -> None:
        """Note that nothing more comes."""
        self._owner.cut(CUT_SHORT)

    def replica_reads(self, reads: bool) -> None:
        """Note that the replica does not follow what it is sent, or does again."""
        self._owner.replica_reads(reads)

    # What its owner calls

    def commit(self) -> None:
        """Let the client have what was held back."""
        if not self.committed:
            self.drop()
            self._commit(b"".join(self._held))
            self._held.clear()

    def drop(self) -> None:
        """Stop waiting for more of a short answer."""
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None

    def end(self) -> None:
        """Note in the record what the client got of the body; it gets no more."""
        self.drop()
        if self.committed:
            self._record.sent = self._body.content
        if self._tail is not None:
            self._record.tail = list(self._tail)
            self._record.framed = self._body.chunked

    def _commit(self, raw: bytes) -> None:
        self.committed = True
        record = self._record
        note_answer(record, self._replica, self._head, self._time())
        self._client.write(
            forward_response(
                self._head,
                self._request,
                self.keep,
                record.request_id,
                raw,
                chunked=self._body.chunked,
            )
        )
        if self._head.kind:
            self._tail = deque((raw[-_TAIL_PIECE:],), _TAIL_PIECES)
        if self._client.blocked:
            self._connection.pause()
