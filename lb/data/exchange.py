"""One request and its answer, as they pass between a client and a replica."""

from __future__ import annotations

import math

from lb.data.ejection import GATEWAY_FAILURES
from lb.data.failover import Failover
from lb.data.record import COMPLETE
from lb.data.relay import TAIL, Relay, note_answer
from lb.data.replicas import Replica
from lb.data.request import REPLAY_LIMIT, Request
from lb.data.service import Service
from lb.data.tunnel import Tunnel
from lb.data.upstream import Connection
from lb.http.bodies import BadFraming, Body
from lb.http.forwarding import forward_interim, forward_request, forward_response, forward_switch
from lb.http.heads import ResponseHead


class Exchange(Failover):
    """A request and its answer, as they pass between the client and the replica that has it.

    When one is over the next request of the same client can begin: to make a new object for each
    would cost more than all that it must forget.

    Nothing here waits: each method is called when something happened, and returns at once.
    """

    __slots__ = ()

    # What the client's connection calls

    @property
    def uploading(self) -> bool:
        """Whether what the client sends belongs to this request."""
        return not self.request.body.done

    @property
    def due(self) -> float:
        """When (loop time, seconds) to call `silent`, unless something moves until then."""
        if self._connection is None:
            return math.inf
        moved_at = self._moved_at
        if self._relay is not None and self._relay.moved_at > moved_at:
            moved_at = self._relay.moved_at
        silent_at = moved_at + self.service.endpoints.stream_timeout_seconds
        return silent_at if self._relay is not None else min(silent_at, self._late_at)

    def begin(self, request: Request, service: Service, stay_open: bool, data: bytes) -> bytes:
        """Have a request answered.

        Args:
            request: What is asked.
            service: Who is asked.
            stay_open: Whether the client's connection may stay open.
            data: What came after the head.

        Returns:
            What came after the request's end.
        """
        self._meet(request, service, stay_open)
        service.measures.arrived()
        if data and not request.body.done:
            if len(data) == request.body.length:
                # All of the body came with the head, as that of most requests does.
                request.fill(data)
                data = b""
            else:
                data = self.from_client(data)
        if self.over:
            return data
        if service.prefix_bytes:
            self._begin(self._moved_at)
        else:
            self._next(self._moved_at)
        return data

    def from_client(self, data: bytes) -> bytes:
        """Take more of the request; return what came after its end."""
        try:
            raw = self.request.feed(data)
        except BadFraming as error:
            self._bad_body(str(error))
            return b""
        self._moved_at = self._time()
        if self._connection is not None:
            self._connection.write(raw)
            self._note_sent()
        elif self._patience is not None:
            # More of the body may lead to a choice.
            self._begin(self._moved_at)
        elif self.request.kept_size > REPLAY_LIMIT:
            self._client.pause()
            if self._ticket is not None:
                self._client.hold()
        return self.request.body.rest

    def client_ended(self) -> bool:
        """Return whether a client that has said its last byte is believed to listen still."""
        return False

    def client_gone(self) -> None:
        """Note that the client's connection is gone."""
        self._end()

    def client_reads(self, reads: bool) -> None:
        """Note that the client does not follow what it is sent, or does again."""
        if self._connection is None:
            return
        if reads:
            self._moved_at = self._time()
            self._connection.resume()
        else:
            self._connection.pause()

    # What comes of an attempt

    def interim(self, head: ResponseHead) -> None:
        """Pass an interim answer on."""
        self._moved_at = self._time()
        repeated = head.status == 100 and self._continued
        self._continued = self._continued or head.status == 100
        if self.request.head.minor > 0 and not repeated:
            self._client.write(forward_interim(head))

    def switch(self, head: ResponseHead, data: bytes) -> None:
        """Leave HTTP, if that was asked for."""
        connection, replica = self._connection, self._replica
        assert connection is not None  # noqa: S101 - this came over it
        assert replica is not None  # noqa: S101 - this is its answer
        if self.request.head.upgrade is None:
            self.cut("the replica changes the protocol and was not asked to")
            return
        if not self.request.body.done:
            self.cut("the replica changes the protocol before the end of the request")
            return
        record = self.record
        self.service.answered(replica, 101)
        note_answer(record, replica, head, self._time())
        self._client.write(forward_switch(head, record.request_id))
        tunnel = Tunnel(self._client, connection, replica, self.service, record)
        if data:
            tunnel.from_replica(data)
        self.over = True
        self._connection = self._replica = None
        self._stop()
        self._front.switched(tunnel)

    def whole(self, head: ResponseHead, content: bytes) -> None:
        """Pass on a final answer that came at once, as most do."""
        replica, record, request = self._replica, self.record, self.request
        assert replica is not None  # noqa: S101 - it is its answer
        # Nearly always nothing failed before or now, and a call is spared.
        noteworthy = head.status in GATEWAY_FAILURES or self.service.ejections.watched
        if noteworthy and self._passed_over(replica, head.status):
            return
        # Time is told, and bytes are sent, without a call in between that Python would be slow at.
        time, client = self._time, self._client
        now = time()
        done = request.body.done
        keep = self._stay_open and done
        note_answer(record, replica, head, now)
        if not client.closing:
            client.transport.write(
                forward_response(head, request.head, keep, record.request_id, content)
            )
        record.sent = len(content)
        if head.kind:
            record.tail = (content[-TAIL:],)
        record.ending = COMPLETE
        self._end(head.keep_alive and done, now)
        self._front.answered(keep, now)

    def final(self, head: ResponseHead, body: Body, raw: bytes) -> Relay | None:
        """Pass the beginning of the final answer on, or wait for more of it."""
        connection, replica = self._connection, self._replica
        assert connection is not None  # noqa: S101 - as above
        assert replica is not None  # noqa: S101 - as above
        if self._passed_over(replica, head.status):
            return None
        # An answer before the end of the request leaves bytes on the way that nobody wants.
        self._relay = relay = Relay(
            self,
            self._client,
            self.request.head,
            replica,
            connection,
            self.record,
            head,
            body,
            self._stay_open and self.request.body.done,
            self._time,
        )
        relay.begin(raw, hold=self._may_repeat)
        if not body.done:
            return relay
        self.complete()
        return None

    def complete(self) -> None:
        """Note that the answer has come to its end."""
        relay = self._relay
        assert relay is not None  # noqa: S101 - it is the relay that calls
        relay.commit()
        now = self._time()
        self.record.ending = COMPLETE
        self._end(relay.reusable and self.request.body.done, now)
        self._front.answered(relay.keep, now)

    def replica_reads(self, reads: bool) -> None:
        """Note that the replica does not follow what it is sent, or does again."""
        if self.uploading:
            self._moved_at = self._time()
            self._client.resume() if reads else self._client.pause()

    # What the search for a replica calls

    def queued(self) -> None:
        """Notice a client that goes, also if all that may be held of its body has come."""
        if self._client.paused:
            self._client.hold()

    def ask(self, replica: Replica, connection: Connection, now: float) -> None:
        """Send the request to a replica."""
        record, request = self.record, self.request
        record.replica_id = replica.id
        head = request.head
        self._listen(connection)
        content = request.kept() if request.kept_size else b""
        if not connection.closing:
            connection.transport.write(
                forward_request(head, record.client, replica.authority, record.request_id, content)
            )
        self._moved_at = now
        endpoints = self.service.endpoints
        silent_at = now + endpoints.stream_timeout_seconds
        if self._front.armed_for > silent_at:
            self._front.watch(silent_at)
        if request.kept_size > REPLAY_LIMIT or endpoints.timeout_seconds is not None:
            self._note_sent()
        if self._client.paused and not request.body.done:
            self._client.resume()

    def _note_sent(self) -> None:
        """Note that all that came of the request was sent to the replica."""
        if self.request.kept_size:
            self.request.sent()
        seconds = self.service.endpoints.timeout_seconds
        if seconds is not None and self.request.body.done:
            self._late_at = self._moved_at + seconds
            self._front.watch(self._late_at)
