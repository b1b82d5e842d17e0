"""All replicas in turn."""

from __future__ import annotations

from collections.abc import Sequence

from lb.data.policies.base import Chosen, Policy, Request
from lb.data.policies.turns import Turns


class RoundRobin(Policy[Chosen]):
    """Each replica as often as the others, whatever it has to do; one that is new less often."""

    def __init__(self) -> None:
        self._turns: dict[float, Turns[Chosen]] = {}
        """By weight: those of one weight take turns among themselves."""

    def update(self, replicas: Sequence[Chosen]) -> None:
        """Learn which replicas there are."""
        weights = {replica.weight for replica in replicas}
        self._turns = {weight: self._turns.get(weight) or Turns() for weight in weights}
        for weight, turns in self._turns.items():
            turns.update(replica for replica in replicas if replica.weight == weight)

    def choose(self, candidates: Sequence[Chosen], request: Request | None) -> Chosen:
        """Return the candidate whose turn it is."""
        turns = self._turns[candidates[0].weight]
        chosen = turns.first(candidates)
        turns.take(chosen, chosen.pace)
        return chosen
