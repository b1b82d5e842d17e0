"""One replica as the balancer sees it: its connections, its load and how it fared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from lb.data.endpoints import Endpoint
from lb.data.upstream import Upstream


class Replica:
    """A replica of one incarnation of a service."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare for requests.

        Raises:
            ValueError: The URL is not that of a plain HTTP server.
        """
        host, port, self.authority = _address(endpoint.url)
        self.endpoint = endpoint
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


def _address(url: str) -> tuple[str, int, bytes]:
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname and "@" not in parts.netloc
    if not plain or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not an endpoint; one looks like http://10.0.0.7:8080")
    assert parts.hostname  # noqa: S101 - part of `plain`
    return parts.hostname, parts.port or 80, parts.netloc.encode("ascii")
