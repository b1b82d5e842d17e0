"""One request and the replicas that it is sent to: what becomes of failures, and how it ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from lb.data import answers
from lb.data.attempt import Attempt
from lb.data.departures import HeldStream
from lb.data.ejection import GATEWAY_FAILURES
from lb.data.record import COMPLETE, CUT, Record
from lb.data.relay import Relay
from lb.data.replicas import Replica
from lb.data.request import Request
from lb.data.request_ids import new_request_id
from lb.data.service import Service
from lb.data.tunnel import Tunnel


class Front(Protocol):
    """What an exchange needs of a client besides its connection."""

    address: bytes
    armed_for: float
    """When (loop time, seconds) it looks at the exchange's `due` next; infinite for never."""

    def watch(self, deadline: float) -> None:
        """Look at the exchange's `due` again at a time of the event loop, in seconds."""

    def switched(self, tunnel: Tunnel) -> None:
        """Have a tunnel in the place of the exchange, and what came after the request in it."""

    def answered(self, keep: bool, now: float) -> None:
        """Note that it has ended, and whether the connection can take another request."""


class Failover(Attempt):
    """Sends a request to another replica when one fails, as long as that cannot do harm."""

    __slots__ = (
        "_client",
        "_continued",
        "_front",
        "_late_at",
        "_moved_at",
        "_relay",
        "_stay_open",
        "over",
    )

    def __init__(self, client: HeldStream, front: Front, time: Callable[[], float]) -> None:
        """Prepare; nothing is asked before `_meet`.

        Args:
            client: Who asks.
            front: What else there is to the client.
            time: Tells the time of the event loop, in seconds.
        """
        super().__init__(time)
        self._client = client
        self._front = front

    def _meet(self, request: Request, service: Service, stay_open: bool) -> None:
        """Take a request on, of which only the head is looked at; the one before is over."""
        head = request.head
        self._moved_at = now = self._time()
        request_id = head.request_id or new_request_id()
        record = Record(head.method, now, request_id, self._front.address, head.target)
        self._renew(request, service, record)
        self._stay_open = stay_open and head.keep_alive
        self.over = False
        """Whether nothing more will come of it."""
        self._connection = None
        self._relay: Relay | None = None
        self._continued = False
        """Whether the client was told to go on sending."""
        self._late_at = math.inf
        """When (loop time, seconds) the answer must have begun."""

    def silent(self) -> None:
        """Note that nothing moved for too long."""
        if self._client.blocked:
            # It is the client that stopped reading, and nobody waits on the replica.
            self._client.abort()
            return
        if self._relay is None and self._time() >= self._late_at:
            self._late()
            return
        self._count_failure()
        if self._relay is not None and self._relay.committed:
            self._cut_client()
        elif self.request.body.done:
            self._note_status(504)
            self.give_up(answers.silent(self.service.endpoints.stream_timeout_seconds))
        else:
            self.give_up(answers.client_silent(self.service.endpoints.stream_timeout_seconds))

    def broken(self, message: str) -> None:
        """Ask another replica, if that is allowed after a connection broke without an answer."""
        connection, replica = self._connection, self._replica
        assert connection is not None  # noqa: S101 - it broke
        assert replica is not None  # noqa: S101 - it is its connection
        if connection.reused:
            self._was_stale(replica)
        else:
            replica.failures += 1
            self.service.broke(replica)
        self._ask_another_after(message)

    def cut(self, message: str) -> None:
        """Pass on that the answer did not come to its end."""
        self._count_failure()
        if self._relay is None:
            self._note_status(502)
            self.give_up(answers.broken(message))
        elif self._relay.committed:
            self._cut_client()
        else:
            self._ask_another_after(message)

    def give_up(self, answer: answers.Answer) -> None:
        """Give an answer of the balancer's own."""
        self._let_go()
        head, record = self.request.head, self.record
        keep = self._stay_open and self.request.body.done
        record.status = answer.status
        record.replica_id = None
        record.ending = COMPLETE
        record.sent = 0 if head.method == b"HEAD" else len(answer.content)
        self._client.write(
            answer.encode(
                method=head.method,
                keep_alive=keep,
                old_client=head.minor == 0,
                request_id=record.request_id,
            )
        )
        now = self._time()
        self._end(now=now)
        self._front.answered(keep, now)

    def _passed_over(self, replica: Replica, status: int) -> bool:
        """Note how a replica answers; return whether another one is asked in its place."""
        service = self.service
        refused = status in GATEWAY_FAILURES
        if not refused and not service.ejections.watched:
            return False
        service.answered(replica, status)
        return refused and service.has_room(self._tried) and self._goes_elsewhere()

    def _bad_body(self, message: str) -> None:
        if self._relay is not None and self._relay.committed:
            self._cut_client()
        else:
            self.give_up(answers.bad_request(message))

    def _end(self, keep: bool = False, now: float | None = None) -> None:
        now = self._time() if now is None else now
        self.over = True
        if self._connection is None:
            self._stop()
        self._let_go(keep, now)
        record = self.record
        record.received = self.request.body.content
        record.ended_at = now
        self.service.ended(record)

    def _let_go(self, keep: bool = False, now: float = 0) -> None:
        """Leave the replica that was asked; with `keep`, the connection goes on being used."""
        if self._relay is not None:
            self._relay.end()
            self._relay = None
        self._release(keep, now)
        self._late_at = math.inf
        if self._replica is not None:
            self._replica.end()
            self._replica = None

    @property
    def _may_repeat(self) -> bool:
        return self.request.may_repeat(self.service.endpoints.retry)

    def _late(self) -> None:
        """Give up waiting for the beginning of an answer."""
        self._count_failure()
        self._note_status(504)
        seconds = self.service.endpoints.timeout_seconds or 0
        failure = self._fail(answers.late(seconds))
        if not self.service.may_wait(self._tried) or not self._goes_elsewhere():
            self.give_up(failure)

    def _ask_another_after(self, message: str) -> None:
        failure = self._fail(answers.broken(message))
        self._let_go()
        if self._may_repeat:
            self._go_on()
        else:
            self.give_up(failure)

    def _goes_elsewhere(self) -> bool:
        """Ask another replica in the place of one that did not do its work, if that is allowed."""
        if not self._may_repeat or not self.service.may_retry():
            return False
        self._let_go()
        self._go_on()
        return True

    def _count_failure(self) -> None:
        if self._replica is not None:
            self._replica.failures += 1

    def _note_status(self, status: int) -> None:
        if self._replica is not None:
            self.service.answered(self._replica, status)

    def _cut_client(self) -> None:
        relay = self._relay
        assert relay is not None  # noqa: S101 - there is an answer to be cut
        self.record.ending = CUT
        self._end()
        # A client that does not count would take a mere close for the end of the body.
        self._client.close() if relay.countable else self._client.reset()
