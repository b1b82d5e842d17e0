"""One incarnation of a service: the endpoint set in force and the choice of a replica."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection

from lb.data.policies import POLICIES
from lb.data.replicas import Replica
from lb.reports import ReplicaCounters, ServiceCounters
from skyflow.state import Endpoint, EndpointSet

RETRIES = ("safe", "all", "none")
REMEMBERED = 100
"""Replicas that left whose counters are kept: those that are not ready for a moment come back."""


class InvalidEndpointSet(ValueError):
    """An endpoint set that can never be served."""


class Service:
    """A service that requests are balanced for."""

    def __init__(self, endpoints: EndpointSet) -> None:
        """Prepare for requests.

        Raises:
            InvalidEndpointSet: The set can never be served.
        """
        check_endpoint_set(endpoints)
        self.endpoints = endpoints
        self.codes: Counter[int] = Counter()
        """Number of answers that no replica gave, by status."""
        self._policy = POLICIES[endpoints.load_balancing_policy]()
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
        ready = [_known(known, endpoint) for endpoint in endpoints.endpoints]
        draining = [_known(known, endpoint) for endpoint in endpoints.draining]
        others = dict.fromkeys([*self._leaving, *self._ready, *draining])
        left = [replica for replica in others if replica not in ready]
        for replica in left:
            replica.upstream.close()
        self._leaving = _without_forgotten(left, draining)
        for replica in ready:
            replica.upstream.reopen()
        self._ready = ready
        if type(self._policy) is not POLICIES[endpoints.load_balancing_policy]:
            self._policy = POLICIES[endpoints.load_balancing_policy]()
        self.endpoints = endpoints

    def retire(self) -> None:
        """Take no new requests; those in flight go on."""
        self._leaving += self._ready
        self._ready = []
        for replica in self._leaving:
            replica.upstream.close()

    @property
    def busy(self) -> bool:
        """Whether any request is in flight."""
        return any(replica.in_flight for replica in self._replicas())

    def choose(self, tried: Collection[Replica]) -> Replica | None:
        """Return the replica to send a request to; None when none is left to try."""
        untried = [replica for replica in self._ready if replica not in tried]
        if not untried:
            return None
        now = asyncio.get_running_loop().time()
        # The last ones are never passed over: a wrong guess must not make a service unreachable.
        wanted = [replica for replica in untried if not replica.avoided(now)] or untried
        chosen = self._policy.choose(wanted)
        if not chosen.avoided(now):
            chosen.on_trial(now)
        return chosen

    def is_ready(self, replica: Replica) -> bool:
        """Return whether a replica may get requests."""
        return replica in self._ready

    async def drain(self, replica_id: int, deadline: float) -> int:
        """Wait until a replica has nothing in flight, or until a time (Unix, seconds).

        Returns:
            Number of requests still in flight.
        """
        while busy := [r for r in self._replicas() if r.id == replica_id and r.in_flight]:
            left = deadline - time.time()
            if left <= 0:
                break
            try:
                async with asyncio.timeout(left):
                    await busy[0].idle.wait()
            except TimeoutError:
                continue
        return sum(replica.in_flight for replica in busy)

    def counters(self, listening: bool) -> ServiceCounters:
        """Return the counters as they are now."""
        replicas: list[ReplicaCounters] = [replica.counters(True) for replica in self._ready]
        draining = {endpoint.replica_id for endpoint in self.endpoints.draining}
        for replica in self._leaving:
            if replica.in_flight or replica.id in draining:
                replicas.append(replica.counters(False))
        return ServiceCounters(
            service=self.endpoints.service,
            incarnation=self.endpoints.incarnation,
            generation=self.endpoints.generation,
            port=self.endpoints.port,
            listening=listening,
            codes={str(code): count for code, count in sorted(self.codes.items())},
            replicas=tuple(sorted(replicas, key=lambda counters: counters.replica_id)),
        )

    def _replicas(self) -> list[Replica]:
        return [*self._ready, *self._leaving]


def check_endpoint_set(endpoints: EndpointSet) -> None:
    """Check that a set can be served.

    Raises:
        InvalidEndpointSet: It never can, with what is wrong and what is allowed.
    """
    if not 0 < endpoints.port < 65536:
        raise InvalidEndpointSet(f"port {endpoints.port} is not between 1 and 65535")
    if endpoints.load_balancing_policy not in POLICIES:
        raise InvalidEndpointSet(
            f"load balancing policy {endpoints.load_balancing_policy!r} is not known;"
            f" allowed: {', '.join(POLICIES)}"
        )
    if endpoints.retry not in RETRIES:
        raise InvalidEndpointSet(
            f"retry {endpoints.retry!r} is not known; allowed: {', '.join(RETRIES)}"
        )
    if not endpoints.stream_timeout_seconds > 0:
        raise InvalidEndpointSet(
            f"stream timeout {endpoints.stream_timeout_seconds} is not greater than 0"
        )
    for endpoint in (*endpoints.endpoints, *endpoints.draining):
        _known({}, endpoint)


def _without_forgotten(left: list[Replica], draining: list[Replica]) -> list[Replica]:
    """Return the replicas that left without those, but for the latest, that have nothing to do."""
    idle = [replica for replica in left if not replica.in_flight and replica not in draining]
    forgotten = idle[:-REMEMBERED]
    return [replica for replica in left if replica not in forgotten]


def _known(known: dict[tuple[int, str], Replica], endpoint: Endpoint) -> Replica:
    replica = known.get((endpoint.replica_id, endpoint.url))
    if replica:
        return replica
    try:
        return Replica(endpoint)
    except ValueError as error:
        raise InvalidEndpointSet(str(error)) from error
