"""One incarnation of a service: the endpoint set in force and the choice of a replica."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable

from lb.data.doubts import Doubts
from lb.data.endpoints import Endpoint, EndpointSet
from lb.data.moments import Moment
from lb.data.policies import POLICIES
from lb.data.replicas import Replica

RETRIES = ("safe", "all", "none")
REMEMBERED = 100
"""Replicas that left whose counters are kept: those that are not ready for a moment come back."""


class InvalidEndpointSet(ValueError):
    """An endpoint set that can never be served."""


class Service:
    """A service that requests are balanced for."""

    def __init__(self, endpoints: EndpointSet, doubts: Doubts) -> None:
        """Prepare for requests.

        Args:
            endpoints: What to serve.
            doubts: Takes note of what could not be reached; belongs to this service alone.

        Raises:
            InvalidEndpointSet: The set can never be served.
        """
        check_endpoint_set(endpoints)
        self.endpoints = endpoints
        self.codes: Counter[int] = Counter()
        """Number of answers that no replica gave, by status."""
        self.confirmed = True
        """Whether the control plane has named these replicas since this process lives."""
        self._doubts = doubts
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
        self.confirm()
        if type(self._policy) is not POLICIES[endpoints.load_balancing_policy]:
            self._policy = POLICIES[endpoints.load_balancing_policy]()
        self.endpoints = endpoints

    def confirm(self) -> None:
        """Note that the control plane has just said that the set in force is the newest one."""
        self.confirmed = True
        self._doubts.confirm(self._ready)

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
        self._leaving += self._ready
        self._ready = []
        for replica in self._leaving:
            replica.upstream.close()

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

    def choose(self, tried: Collection[Replica]) -> Replica | None:
        """Return the replica to send a request to; None when none is left to try."""
        untried = [replica for replica in self._ready if replica not in tried]
        candidates = self._doubts.preferred(untried)
        return self._policy.choose(candidates) if candidates else None

    def reached(self, replica: Replica) -> None:
        """Note that a replica accepted a connection."""
        self._doubts.reached(replica)

    def unreachable(self, replica: Replica) -> None:
        """Note that a replica could not be reached."""
        replica.failures += 1
        # One that left while it was asked is nobody's concern any more.
        if replica in self._ready:
            self._doubts.unreachable(replica)

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
                    await busy[0].idle.wait()
            except TimeoutError:
                continue
        return sum(replica.in_flight for replica in busy)

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
