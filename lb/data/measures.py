"""What is counted of one incarnation of a service: a few list increments per request."""

from __future__ import annotations

from lb.data.record import UPGRADED, Record
from lb.data.usage import tokens_used
from lb.data.wakes import Wakes
from skyflow.histograms import Histogram

REPLICAS_KEPT = 1000
"""Replicas whose answers are counted apart; the counts of the lowest ids are dropped first. Ids
grow with each replacement, for years, and each is a series of its own where measures are kept."""
STATUSES_KEPT = 40
"""Statuses of a replica that are counted apart: more than a well-behaved server ever uses."""
_BATCH = 16
"""Requests that are counted at once: what counting takes is then fetched into the caches of the
processor once. Few, as the ends of their answers are kept until then."""
OTHER_STATUS = 0
"""Stands for all further ones."""


class Measures:
    """Counters and histograms of one incarnation of a service, since this process began with it.

    Requests that have ended are counted a few at a time, so `settle` comes before a look.
    """

    def __init__(self, wakes: Wakes) -> None:
        """Begin at nothing.

        Args:
            wakes: Told of a request that comes while no replica is ready.
        """
        self.arrivals = 0
        self.finished = 0
        self.retries = 0
        self.ejections = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.requests: dict[int | None, dict[int, int]] = {None: {}}
        """Number of answers by replica and status; None for answers of the balancer itself."""
        self.latency = Histogram()
        self.first_byte = Histogram()
        self.queue_wait = Histogram()
        self.stream = Histogram()
        self.ready = 0
        """Number of replicas that get requests now."""
        self._ended: list[Record] = []
        self._wakes = wakes
        self._next_wake = 0.0

    def arrived(self) -> None:
        """Count a request whose head has come."""
        self.arrivals += 1
        if not self.ready:
            self._next_wake = self._wakes.wake(self._next_wake)

    def ended(self, record: Record) -> None:
        """Count a request that has ended, in whatever way; now, or together with others."""
        self._ended.append(record)
        if len(self._ended) >= _BATCH:
            self.settle()

    def settle(self) -> None:
        """Count the requests that have ended."""
        ended, self._ended = self._ended, []
        self.finished += len(ended)
        waits: list[float] = []
        first_bytes: list[float] = []
        latencies: list[float] = []
        streams: list[float] = []
        # One round for all: what each record takes to be looked at is more than what is counted.
        for record in ended:
            self.answered(record.replica_id, record.status)
            if record.tail:
                self._count_tokens(record)
                record.tail = ()
            received_at, ended_at, chosen_at = record.received_at, record.ended_at, record.chosen_at
            waits.append((ended_at if chosen_at is None else chosen_at) - received_at)
            if not record.tries:
                continue
            self.retries += record.tries - 1
            upgraded, first_byte_at = record.ending == UPGRADED, record.first_byte_at
            if not upgraded:
                latencies.append(ended_at - received_at)
            if first_byte_at is not None:
                first_bytes.append(first_byte_at - received_at)
                if upgraded or record.streamed:
                    streams.append(ended_at - first_byte_at)
        self.queue_wait.observe(waits)
        self.first_byte.observe(first_bytes)
        self.latency.observe(latencies)
        self.stream.observe(streams)

    def answered(self, replica_id: int | None, status: int) -> None:
        """Count an answer; by itself for what never was a valid request."""
        try:
            self.requests[replica_id][status] += 1
        except KeyError:
            self._answered_first(replica_id, status)

    def ejected(self) -> None:
        """Count a replica that is passed over from now on."""
        self.ejections += 1

    def _answered_first(self, replica_id: int | None, status: int) -> None:
        by_status = self.requests.setdefault(replica_id, {})
        if len(by_status) >= STATUSES_KEPT:
            status = OTHER_STATUS
        by_status[status] = by_status.get(status, 0) + 1
        if len(self.requests) > REPLICAS_KEPT + 1:
            del self.requests[min(known for known in self.requests if known is not None)]

    def _count_tokens(self, record: Record) -> None:
        used = tokens_used(record.tail, framed=record.framed)
        if used:
            self.prompt_tokens += used[0]
            self.completion_tokens += used[1]
