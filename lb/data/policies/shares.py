"""Which replicas a request may go to, so that weights are kept whatever the policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic
from zlib import crc32

from lb.data.policies.base import Chosen

LENIENCY = 20.0
"""How many requests replicas of one weight may be ahead of their share so that a session stays
where it is."""


class Shares(Generic[Chosen]):
    """Parts requests among the replicas of each weight; among these a policy chooses.

    Least load alone would send an idle service's requests to the greatest weight only. Each weight
    earns its part of every request, and the one that has earned most gets it (the smooth weighted
    round robin of nginx): after any number of requests each has had its share to within one.
    """

    def __init__(self) -> None:
        self._replicas: Sequence[Chosen] = ()
        self._by_weight: dict[float, list[Chosen]] = {}
        self._earned: dict[float, float] = {}
        self.differ = False
        """Whether there is more than one weight."""

    def update(self, replicas: Sequence[Chosen]) -> None:
        """Learn which replicas there are."""
        self._replicas = replicas
        self._by_weight = _by_weight(replicas)
        self._earned = {weight: self._earned.get(weight, 0) for weight in self._by_weight}
        self.differ = len(self._by_weight) > 1

    def choose(self, candidates: Sequence[Chosen], session: bytes | None) -> Sequence[Chosen]:
        """Return the candidates of one weight, which is 0 only if there is no other.

        Args:
            candidates: Replicas that would do, at least one.
            session: What the requests of one client have in common: they go to replicas of the
                same weight as far as shares allow.

        """
        whole = len(candidates) == len(self._replicas)
        groups = self._by_weight if whole else _by_weight(candidates)
        parts = {weight: weight * len(group) for weight, group in groups.items() if weight > 0}
        if len(parts) < 2:
            return groups[max(groups)]
        total = sum(parts.values())
        earned = self._earned
        for weight, part in parts.items():
            earned[weight] += part / total
        chosen = max(parts, key=earned.__getitem__)
        if session is not None:
            wanted = _place(session, parts, total)
            chosen = wanted if earned[wanted] > -LENIENCY else chosen
        earned[chosen] -= 1
        return groups[chosen]


def _by_weight(replicas: Sequence[Chosen]) -> dict[float, list[Chosen]]:
    groups: dict[float, list[Chosen]] = {}
    for replica in replicas:
        groups.setdefault(replica.weight, []).append(replica)
    return groups


def _place(session: bytes, parts: dict[float, float], total: float) -> float:
    """Return the weight that a session belongs to, by chance but always the same."""
    left = crc32(session) / 2**32 * total
    for weight, part in sorted(parts.items()):
        left -= part
        if left < 0:
            return weight
    return max(parts)
