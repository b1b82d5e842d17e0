"""One replica as the balancer sees it: its connections, its load and how it fared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from lb.data.upstream import Upstream
from lb.reports import ReplicaCounters
from skyflow.state import Endpoint

FIRST_AVOIDANCE_SECONDS = 1.0
LONGEST_AVOIDANCE_SECONDS = 30.0


class Replica:
    """A replica of one incarnation of a service."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare for requests.

        Raises:
            ValueError: The URL is not that of a plain HTTP server.
        """
        host, port, self.authority = _address(endpoint.url)
        self.id = endpoint.replica_id
        self.url = endpoint.url
        self.upstream = Upstream(host, port)
        self.in_flight = 0
        self.last_chosen = 0
        self.requests = 0
        self.failures = 0
        self.codes: Counter[int] = Counter()
        self.idle = asyncio.Event()
        self.idle.set()
        self._avoided_until = 0.0
        self._avoidance = 0.0
        self._on_trial = False

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while it is in flight."""
        self.requests += 1
        self.in_flight += 1
        self.idle.clear()
        try:
            yield
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self.idle.set()

    def avoided(self, now: float) -> bool:
        """Return whether the replica could not be reached a moment ago."""
        return now < self._avoided_until

    def on_trial(self, now: float) -> None:
        """Let this one request find out whether the replica can be reached again."""
        if self._avoidance:
            self._avoided_until = now + self._avoidance
            self._on_trial = True

    def unreachable(self, now: float) -> None:
        """Pass the replica over for a moment, longer each time in a row."""
        self.failures += 1
        # Requests that fail together are one observation; only one sent on trial is another.
        if self.avoided(now) and not self._on_trial:
            return
        self._on_trial = False
        doubled = max(self._avoidance * 2, FIRST_AVOIDANCE_SECONDS)
        self._avoidance = min(doubled, LONGEST_AVOIDANCE_SECONDS)
        self._avoided_until = now + self._avoidance

    def reached(self) -> None:
        """Note that the replica accepts connections."""
        self._avoidance = self._avoided_until = 0.0
        self._on_trial = False

    def counters(self, ready: bool) -> ReplicaCounters:
        """Return the counters as they are now."""
        return ReplicaCounters(
            replica_id=self.id,
            url=self.url,
            ready=ready,
            in_flight=self.in_flight,
            requests=self.requests,
            failures=self.failures,
            codes={str(code): count for code, count in sorted(self.codes.items())},
        )


def _address(url: str) -> tuple[str, int, bytes]:
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname and "@" not in parts.netloc
    if not plain or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not an endpoint; one looks like http://10.0.0.7:8080")
    assert parts.hostname  # noqa: S101 - part of `plain`
    return parts.hostname, parts.port or 80, parts.netloc.encode("ascii")
