"""The replica that has least to do for what it can take."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from random import Random

from lb.data.policies.base import Candidate, Chosen, Policy, Request

FEW = 8
"""Up to so many candidates are all compared. Of more, two are drawn and the better one is taken:
that costs the same for any number, and keeps the highest load within a few requests of the mean
(Mitzenmacher, The Power of Two Choices in Randomized Load Balancing)."""


class LeastLoad(Policy[Chosen]):
    """The replica with the fewest requests in flight, relative to what it can take.

    Those with as few take turns. The request that is to be sent counts too, so that of two idle
    replicas the stronger one gets it.
    """

    def __init__(self, random: Random) -> None:
        self._random = random.random
        self._turn = 0

    def update(self, replicas: Sequence[Chosen]) -> None:
        """Learn which replicas there are, which changes nothing here."""

    def choose(self, candidates: Sequence[Chosen], request: Request | None) -> Chosen:
        """Return the least loaded candidate, or the better one of two."""
        if len(candidates) > FEW:
            candidates = self._drawn(candidates)
        chosen, least = candidates[0], inf
        for candidate in candidates:
            # As `load` has it, without a call: this is done for each request.
            found = (candidate.in_flight / candidate.pace + 1.0) / candidate.capacity
            if found < least or (found == least and candidate.last_chosen < chosen.last_chosen):
                chosen, least = candidate, found
        self._turn += 1
        chosen.last_chosen = self._turn
        return chosen

    def _drawn(self, candidates: Sequence[Chosen]) -> Sequence[Chosen]:
        count = len(candidates)
        first = int(self._random() * count)
        second = int(self._random() * (count - 1))
        return candidates[first], candidates[second + (second >= first)]


def load(candidate: Candidate) -> float:
    """Return how much a candidate would have to do with one more request.

    What it has counts for more while it is new; as long as it has nothing it is like the others.
    """
    return (candidate.in_flight / candidate.pace + 1) / candidate.capacity
