"""One incarnation of a service: the endpoint set in force and the choice of a replica."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from time import monotonic as now

from lb.data import answers
from lb.data.admission import Admission
from lb.data.balancing import balancing_of
from lb.data.cold_start import ColdStart
from lb.data.doubts import Doubts
from lb.data.ejection import GATEWAY_FAILURES, Ejections
from lb.data.endpoint_checks import check_endpoint_set
from lb.data.endpoints import Endpoint, EndpointSet
from lb.data.measures import Measures
from lb.data.moments import Moment
from lb.data.policies import Choice
from lb.data.record import Record
from lb.data.replicas import Replica, known_or_new
from lb.data.request import Request
from lb.data.retry_budget import RetryBudget
from lb.data.share import ALL, Share
from lb.data.wakes import Wakes

LineWriter = Callable[[EndpointSet, Record], None]
REMEMBERED = 100
"""Replicas that left whose counters are kept: those that are not ready for a moment come back."""


class Service:
    """A service that requests are balanced for."""

    def __init__(
        self,
        endpoints: EndpointSet,
        doubts: Doubts,
        wakes: Wakes | None = None,
        log: LineWriter = lambda _, __: None,
        share: Share = ALL,
    ) -> None:
        """Prepare for requests.

        Args:
            endpoints: What to serve.
            doubts: Takes note of what could not be reached; belongs to this service alone.
            wakes: Told of a request that comes while no replica is ready.
            log: Writes the access log.
            share: This process's part of limits.

        Raises:
            InvalidEndpointSet: The set can never be served.
        """
        check_endpoint_set(endpoints)
        self.endpoints = endpoints
        self.measures = Measures(wakes or Wakes())
        self.confirmed = True
        """Whether the control plane has named these replicas since this process lives."""
        self.budget = RetryBudget()
        """What may be repeated after time-outs and failures that replicas answered with."""
        self.admission = Admission(self.has_room, self._refusal)
        """Where requests wait for a replica."""
        self._doubts = doubts
        doubts.tell(self.admission.wake)
        self.ejections = Ejections(endpoints.service, doubts.suspect)
        """Replicas that are passed over because of what came of their requests."""
        self._choice: Choice[Replica] = Choice(balancing_of(endpoints))
        self._cold_start = ColdStart()
        self.prefix_bytes = 0
        """How much of a request's content the policy wants to see; 0 for nothing."""
        self._log = log
        self._share = share
        self._limit: int | None = None
        """Most requests that a replica gets from this process at once."""
        self._ready: list[Replica] = []
        self._leaving: list[Replica] = []
        self.update(endpoints)

    def update(self, endpoints: EndpointSet) -> None:
        """Go over to another set of the same incarnation; work in flight goes on.

        Raises:
            InvalidEndpointSet: The set can never be served; nothing was changed.
        """
        check_endpoint_set(endpoints)
        known = {(replica.id, replica.url): replica for replica in self._replicas()}
        ready = [known_or_new(known, endpoint) for endpoint in endpoints.endpoints]
        draining = [known_or_new(known, endpoint) for endpoint in endpoints.draining]
        others = dict.fromkeys([*self._leaving, *self._ready, *draining])
        left = [replica for replica in others if replica not in ready]
        for replica in left:
            replica.upstream.close()
        self._leaving = _without_forgotten(left, draining)
        for replica in ready:
            replica.upstream.reopen()
        self._note_starts(ready, draining)
        self._ready = ready
        self.ejections.keep(ready)
        self.measures.ready = len(ready)
        if self._choice.balancing != balancing_of(endpoints):
            self._choice = Choice(balancing_of(endpoints))
        self._choice.update(ready)
        self._choose = self._choice.shortest
        self.prefix_bytes = self._choice.prefix_bytes
        self.endpoints = endpoints
        for replica in ready:
            replica.freed = self._freed if endpoints.max_concurrency else None
        self._bound(endpoints)
        self.confirm()

    def confirm(self) -> None:
        """Note that the control plane has just said that the set in force is the newest one."""
        self.confirmed = True
        self._doubts.confirm(self._ready)
        self.admission.wake()

    def restore(self, doubts: Iterable[tuple[Endpoint, Moment]]) -> None:
        """Take over from disk what an earlier process knew; nobody has confirmed it to this one."""
        self.confirmed = False
        known = {replica.endpoint: replica for replica in self._ready}
        self._doubts.doubt((known[found], since) for found, since in doubts if found in known)

    def distrust(self, since: Moment) -> None:
        """Doubt all replicas: nobody knows what became of their addresses from a moment on."""
        trusted = [replica for replica in self._ready if replica not in self._doubts]
        self.restore((replica.endpoint, since) for replica in trusted)

    def retire(self) -> None:
        """Take no new requests; those in flight go on."""
        self._doubts.close()
        self.ejections.keep(())
        self._leaving += self._ready
        self._ready = []
        self.measures.ready = 0
        for replica in self._leaving:
            replica.upstream.close()
        self.admission.close(answers.nothing_ready(self.endpoints.service))

    @property
    def doubts(self) -> tuple[tuple[Endpoint, Moment], ...]:
        """The replicas that could not be reached, and since when."""
        return tuple((replica.endpoint, since) for replica, since in self._doubts.since.items())

    @property
    def ready(self) -> tuple[Replica, ...]:
        """Replicas that get requests."""
        return tuple(self._ready)

    @property
    def leaving(self) -> tuple[Replica, ...]:
        """Replicas that get no new requests."""
        return tuple(self._leaving)

    @property
    def busy(self) -> bool:
        """Whether any request is in flight."""
        return any(replica.in_flight for replica in self._replicas())

    def choose(self, tried: Collection[Replica], request: Request | None = None) -> Replica | None:
        """Return the replica to send a request to; None when none is left, or none has room."""
        plain = not (tried or self._doubts.since or self.ejections.ejected)
        candidates: Sequence[Replica] = self._ready if plain else self._preferred(tried)
        limit = self._limit
        if not candidates:
            return None
        chosen = self._choose(candidates, request)
        if limit is not None and chosen.in_flight >= limit:
            # Seldom, so that all are looked at only when there is much to do.
            candidates = [replica for replica in candidates if replica.in_flight < limit]
            if not candidates:
                return None
            chosen = self._choose(candidates, request)
        if not tried:
            self.budget.sent()
        return chosen

    def has_room(self, tried: Collection[Replica]) -> bool:
        """Return whether a request that was at these replicas can be sent to another one now."""
        limit = self._limit
        preferred = self._preferred(tried)
        return any(limit is None or replica.in_flight < limit for replica in preferred)

    def may_wait(self, tried: Collection[Replica]) -> bool:
        """Return whether a request for which none was chosen belongs into the queue.

        One that was at all replicas does not: there is nothing that it could wait for.
        """
        return not tried or bool(self._preferred(tried))

    def hopeless(self) -> answers.Answer | None:
        """Return the answer to a request that would wait in vain for a replica to be ready.

        None if there is one, if one comes in time, or if nobody can tell.
        """
        if self._ready:
            return None
        self._cold_start.awaited(now())
        seconds, queue = self._seconds_to_start(), self.endpoints.queue
        if seconds is None or queue is None or seconds <= queue.max_wait_seconds:
            return None
        return answers.starting(self.endpoints.service, math.ceil(seconds))

    def may_retry(self) -> bool:
        """Return whether a request may be repeated after a time-out or an answer of failure.

        It counts as repeated then.
        """
        return self.budget.spend(sum(replica.in_flight for replica in self._ready))

    def reached(self, replica: Replica) -> None:
        """Note that a replica accepted a connection."""
        self._doubts.reached(replica)

    def answered(self, replica: Replica, status: int) -> None:
        """Note that a replica answered; 504 also stands for one that did not in time."""
        if status not in GATEWAY_FAILURES:
            self.ejections.succeeded(replica)
        elif replica in self._ready and self.ejections.failed(replica, self._is_last(replica)):
            self.measures.ejected()

    def broke(self, replica: Replica) -> None:
        """Note that a new connection to a replica broke before an answer came."""
        if replica in self._ready and self.ejections.broke(replica, self._is_last(replica)):
            self.measures.ejected()

    def unreachable(self, replica: Replica) -> None:
        """Note that a replica could not be reached."""
        replica.failures += 1
        # One that left while it was asked is nobody's concern any more.
        if replica in self._ready:
            if replica not in self._doubts:
                self.measures.ejected()
            self._doubts.unreachable(replica)
            self.broke(replica)

    def ended(self, record: Record) -> None:
        """Take note of a request that has ended, in whatever way."""
        self.measures.ended(record)
        log = self._log
        log(self.endpoints, record)

    def refused(self, record: Record) -> None:
        """Take note of what never was a valid request."""
        self.measures.answered(None, record.status)
        self._log(self.endpoints, record)

    def is_ready(self, replica: Replica) -> bool:
        """Return whether a replica may get requests."""
        return replica in self._ready

    async def drain(self, replica_id: int, seconds: float) -> int:
        """Wait until a replica has nothing in flight, for a number of seconds at most.

        Returns:
            Number of requests still in flight.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while busy := [r for r in self._replicas() if r.id == replica_id and r.in_flight]:
            if loop.time() >= deadline:
                break
            try:
                async with asyncio.timeout_at(deadline):
                    await busy[0].idle()
            except TimeoutError:
                continue
        return sum(replica.in_flight for replica in busy)

    def _bound(self, endpoints: EndpointSet) -> None:
        """Take on this process's part of the limits of a set."""
        limit, queue = endpoints.max_concurrency, endpoints.queue
        self._limit = None if limit is None else self._share.of(limit)
        if queue is not None:
            queue = replace(queue, max_requests=self._share.of(queue.max_requests))
        self.admission.bound(queue)

    def _preferred(self, tried: Collection[Replica]) -> Sequence[Replica]:
        """Return those that a request should go to, of the replicas that it was not at."""
        found: Sequence[Replica] = self._ready
        if tried:
            found = [replica for replica in found if replica not in tried]
        if self._doubts.since:
            found = self._doubts.preferred(found)
        return self.ejections.preferred(found) if self.ejections.ejected else found

    def _note_starts(self, ready: list[Replica], draining: list[Replica]) -> None:
        """Take note of what a change from the replicas that are ready says of starts."""
        if ready or any(replica in draining for replica in self._ready):
            # One that drains was taken out on purpose: nobody replaces it if that was the last one
            # of a service that nobody asks.
            self._cold_start.over()
        elif self._ready:
            self._cold_start.awaited(now())

    def _seconds_to_start(self) -> float | None:
        usual = self.endpoints.cold_start_seconds
        return self._cold_start.remaining(usual, now())

    def _is_last(self, replica: Replica) -> bool:
        """Return whether no other replica can be used."""
        others = (other for other in self._ready if other is not replica)
        return all(other in self._doubts or other in self.ejections for other in others)

    def _freed(self, replica: Replica) -> None:
        if replica.in_flight + 1 == self._limit and replica in self._ready:
            self.admission.freed()

    def _refusal(self, seconds: float | None) -> answers.Answer:
        endpoints = self.endpoints
        if not self._doubts.preferred(self._ready):
            starts = self._seconds_to_start()
            if starts is None:
                return answers.nothing_ready(endpoints.service)
            return answers.starting(endpoints.service, math.ceil(starts))
        if seconds is None:
            return answers.all_busy(endpoints.service, answers.UNKNOWN_SECONDS)
        if endpoints.queue:
            # After so long all that wait now will have gone, one way or another.
            seconds = min(seconds, endpoints.queue.max_wait_seconds)
        return answers.all_busy(endpoints.service, max(1, math.ceil(seconds)))

    def _replicas(self) -> list[Replica]:
        return [*self._ready, *self._leaving]


def _without_forgotten(left: list[Replica], draining: list[Replica]) -> list[Replica]:
    """Return the replicas that left without those, but for the latest, that have nothing to do."""
    idle = [replica for replica in left if not replica.in_flight and replica not in draining]
    forgotten = idle[:-REMEMBERED]
    return [replica for replica in left if replica not in forgotten]
