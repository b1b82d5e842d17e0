"""What is known of one request when it has ended: for measures and the access log."""

from __future__ import annotations

import time
from collections.abc import Sequence

COMPLETE = "complete"
CUT = "cut"
GONE = "gone"
UPGRADED = "upgraded"
CLIENT_GONE = 499
"""Status that access logs know for a client that went away before it was answered."""


class Record:
    """One request; times are those of the event loop, in seconds, None for what never was."""

    __slots__ = (
        "chosen_at",
        "client",
        "ended_at",
        "ending",
        "first_byte_at",
        "framed",
        "method",
        "received",
        "received_at",
        "replica_id",
        "request_id",
        "sent",
        "status",
        "streamed",
        "tail",
        "target",
        "tries",
    )

    def __init__(
        self, method: bytes, received_at: float, request_id: bytes, client: bytes, target: bytes
    ) -> None:
        self.method = method
        """`-` if the head was not valid."""
        self.received_at = received_at
        """When its head had come."""
        self.request_id = request_id
        """Value of `X-Request-ID`, of letters, digits and a few marks; empty without a head."""
        self.client = client
        """Address of the client."""
        self.target = target
        """Path and query as they came."""
        self.status = CLIENT_GONE
        """Of the answer that the client got."""
        self.replica_id: int | None = None
        """Who gave the answer; None if the balancer did."""
        self.chosen_at: float | None = None
        """When a replica was chosen for it for the first time."""
        self.first_byte_at: float | None = None
        """When the first bytes of the final answer were sent to the client."""
        self.ended_at = received_at
        self.received = 0
        """Bytes of content that the client sent."""
        self.sent = 0
        """Bytes of content sent to the client."""
        self.tries = 0
        """Number of replicas that were tried."""
        self.ending = GONE
        """`complete`, `cut` (by the replica), `gone` (the client) or `upgraded`."""
        self.streamed = False
        """Whether the answer is a stream of events."""
        self.tail: Sequence[bytes] = ()
        """Last pieces of the answer, if it is JSON or a stream of events."""
        self.framed = False
        """Whether the framing of chunks is among them."""


def unreadable(client: bytes, status: int, sent: int) -> Record:
    """Return the record of a request whose head is not valid."""
    record = Record(b"-", time.monotonic(), b"", client, b"-")
    record.status, record.sent, record.ending = status, sent, COMPLETE
    return record
