"""Load-balancing policies: which of several replicas gets the next request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Candidate(Protocol):
    """What a policy looks at."""

    in_flight: int
    """Number of requests that the replica works on."""
    last_chosen: int
    """Number of the turn at which it was chosen last; 0 for never."""


Chosen = TypeVar("Chosen", bound=Candidate)


class Policy(ABC):
    """Chooses replicas, and remembers whose turn it was."""

    def __init__(self) -> None:
        self._turn = 0

    def choose(self, candidates: Sequence[Chosen]) -> Chosen:
        """Return one of at least one candidate, and count it as chosen."""
        chosen = min(candidates, key=self.rank)
        self._turn += 1
        chosen.last_chosen = self._turn
        return chosen

    @abstractmethod
    def rank(self, candidate: Candidate) -> tuple[int, ...]:
        """Return what candidates are compared by; the smallest is chosen."""


class LeastLoad(Policy):
    """The replica with the fewest requests in flight; those with as few take turns."""

    def rank(self, candidate: Candidate) -> tuple[int, ...]:
        """Compare by requests in flight, then by how long ago it was chosen."""
        return (candidate.in_flight, candidate.last_chosen)


class RoundRobin(Policy):
    """All replicas in turn."""

    def rank(self, candidate: Candidate) -> tuple[int, ...]:
        """Compare by how long ago it was chosen."""
        return (candidate.last_chosen,)


POLICIES: dict[str, type[Policy]] = {"least_load": LeastLoad, "round_robin": RoundRobin}
"""Policies by the name that a service YAML gives them."""
