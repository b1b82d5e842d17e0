"""One replica as the balancer sees it: its connections, its load and how it fared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from lb.data.endpoints import Endpoint
from lb.data.upstream import Upstream


class Replica:
    """A replica of one incarnation of a service."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare for requests.

        Raises:
            ValueError: The URL is not that of a plain HTTP server.
        """
        self.endpoint = endpoint
        self.id = endpoint.replica_id
        self.url = endpoint.url
        self.upstream = Upstream(endpoint.url)
        self.authority = self.upstream.authority
        self.in_flight = 0
        self.weight = endpoint.weight
        self.capacity = endpoint.capacity
        self.pace = 1.0
        self.last_chosen = 0
        self.requests = 0
        self.failures = 0
        self.codes: dict[int, int] = {}
        self.freed: Callable[[Replica], None] | None = None
        """Told that a request has ended, if anybody wants to know."""
        self._waiting: list[asyncio.Future[None]] = []

    def take_over(self, endpoint: Endpoint) -> None:
        """Take note of what is said of the same replica now."""
        self.endpoint = endpoint
        self.weight = endpoint.weight
        self.capacity = endpoint.capacity

    def begin(self) -> None:
        """Count a request as in flight."""
        self.requests += 1
        self.in_flight += 1

    def end(self) -> None:
        """Count a request as no longer in flight."""
        self.in_flight -= 1
        if self._waiting and not self.in_flight:
            self._tell_waiting()
        if self.freed is not None:
            self.freed(self)

    async def idle(self) -> None:
        """Wait until nothing is in flight."""
        while self.in_flight:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while it is in flight."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def _tell_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


def known_or_new(known: Mapping[tuple[int, str], Replica], endpoint: Endpoint) -> Replica:
    """Return the replica of an endpoint, from those known by id and URL or a new one."""
    replica = known.get((endpoint.replica_id, endpoint.url))
    if replica is None:
        return Replica(endpoint)
    replica.take_over(endpoint)
    return replica
