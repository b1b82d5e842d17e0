"""How much a replica may have before others are asked."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Generic

from lb.data.policies.base import Chosen

MOST_LOADED = 1.25
"""How many times the mean of requests in flight a replica may have (c in Mirrokni, Thorup and
Zadimoghaddam, Consistent Hashing with Bounded Loads)."""
ALWAYS_FREE = 4
"""A replica with fewer requests in flight is never said to have too many: with one request here and
there the mean is too small to be told by."""
MOST_CHOSEN = 1.15
"""How many times the mean of recent requests a replica may have got. Less than `MOST_LOADED`, as
what is served soon does not show in flight and adds up nevertheless."""
ALLOWANCE = 20.0
"""Requests that a replica may get beyond that: a single user stays where the prompt is known."""
MEMORY = 1000.0
"""Number of requests for each replica after which one counts for 1/e of what it did."""
_RESCALE = 1e100


class Bounds(Generic[Chosen]):
    """Tells which replicas have more than they should, both now and in the last while.

    Everything is relative to what a replica can take. The mean of hundreds of replicas is not
    counted anew for each request, but after so many that it may have changed by a few percent.
    """

    def __init__(self) -> None:
        self._got: dict[Chosen, float] = {}
        self._worth = 1.0
        """What a request counts now; it grows, which makes all earlier ones count less."""
        self._growth = 1.0
        self._seen: Sequence[Chosen] = ()
        self._left = 0
        self._most_loaded = 0.0
        self._most_chosen = 0.0

    def update(self, replicas: Sequence[Chosen]) -> None:
        """Learn which replicas there are; one that is new counts as having got the mean."""
        known = [self._got[replica] for replica in replicas if replica in self._got]
        mean = sum(known) / len(known) if known else 0.0
        self._got = {replica: self._got.get(replica, mean) for replica in replicas}
        self._growth = 1 + 1 / (MEMORY * len(replicas)) if replicas else 1.0
        self._left = 0

    def look(self, candidates: Sequence[Chosen]) -> None:
        """Compute the bounds for candidates."""
        self._left -= 1
        if self._left > 0 and candidates is self._seen:
            return
        self._seen = candidates
        self._left = len(candidates) // 16
        in_flight, power, got = 1, 0.0, self._worth
        for candidate in candidates:
            in_flight += candidate.in_flight
            power += candidate.capacity * candidate.pace
            got += self._got[candidate]
        self._most_loaded = MOST_LOADED * in_flight / power
        self._most_chosen = MOST_CHOSEN * got / power

    def busy(self, candidate: Chosen) -> bool:
        """Return whether a candidate would have too many requests in flight with one more."""
        wanted = candidate.in_flight + 1
        power = candidate.capacity * candidate.pace
        return wanted > max(ALWAYS_FREE * candidate.pace, ceil(self._most_loaded * power))

    def favoured(self, candidate: Chosen) -> bool:
        """Return whether a candidate has got too many of the recent requests."""
        power = candidate.capacity * candidate.pace
        bound = self._most_chosen * power + ALLOWANCE * self._worth
        return self._got[candidate] + self._worth > bound

    def got(self, candidate: Chosen) -> float:
        """Return how much a candidate has got of the recent requests, for what it can take."""
        return self._got[candidate] / (candidate.capacity * candidate.pace)

    def chosen(self, candidate: Chosen) -> None:
        """Note that a candidate gets a request."""
        self._got[candidate] += self._worth
        self._worth *= self._growth
        if self._worth > _RESCALE:
            self._got = {replica: got / self._worth for replica, got in self._got.items()}
            self._worth = 1.0
            self._left = 0
