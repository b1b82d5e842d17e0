"""The choice of a replica: weights first, then the policy; new replicas go slowly."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Generic

from lb.data.policies.base import Chosen, Policy, Request
from lb.data.policies.least_load import LeastLoad
from lb.data.policies.prefix_affinity import PrefixAffinity
from lb.data.policies.round_robin import RoundRobin
from lb.data.policies.shares import Shares
from lb.data.policies.slow_start import SlowStart

POLICIES = ("least_load", "round_robin", "instance_aware_least_load", "prefix_affinity")
"""Names of policies, as a service YAML has them."""


@dataclass(frozen=True, slots=True)
class Balancing:
    """How a service is balanced."""

    policy: str = "least_load"
    slow_start_seconds: float = 0
    """How long a replica that joins others is new; 0 for not at all."""
    prefix_bytes: int = 16 * 1024
    """How much of a content `prefix_affinity` looks at, in bytes."""
    session_header: str | None = None
    """Name of the header that `prefix_affinity` tells sessions by."""


class Choice(Generic[Chosen]):
    """Chooses among the replicas of a service."""

    def __init__(
        self,
        balancing: Balancing,
        random: Random | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without replicas.

        Args:
            balancing: How to choose.
            random: Where chance comes from; with the same one come the same choices.
            now: Tells the time in seconds, by a clock that does not jump.

        """
        self.balancing = balancing
        self._policy: Policy[Chosen] = _policy(balancing, random or Random())
        self._shares: Shares[Chosen] = Shares()
        self._slow_start: SlowStart[Chosen] = SlowStart(balancing.slow_start_seconds, now)

    @property
    def prefix_bytes(self) -> int:
        """How much of the content of a request should be there before a choice, in bytes."""
        return self._policy.prefix_bytes

    def update(self, replicas: Sequence[Chosen]) -> None:
        """Learn which replicas there are, and their weights and capacities."""
        self._slow_start.update(replicas)
        self._shares.update(replicas)
        self._policy.update(replicas)

    @property
    def shortest(self) -> Callable[[Sequence[Chosen], Request | None], Chosen]:
        """What chooses as `choose` does until the next update, with no more calls than it takes."""
        if self._slow_start.active or self._shares.differ:
            return self.choose
        return self._policy.choose

    def choose(self, candidates: Sequence[Chosen], request: Request | None) -> Chosen:
        """Return one of at least one candidate, all of which are among the replicas there are."""
        if self._slow_start.active:
            self._slow_start.advance()
        if self._shares.differ:
            candidates = self._shares.choose(candidates, self._policy.session(request))
        return self._policy.choose(candidates, request)


def _policy(balancing: Balancing, random: Random) -> Policy[Chosen]:
    if balancing.policy == "round_robin":
        return RoundRobin()
    if balancing.policy == "prefix_affinity":
        return PrefixAffinity(random, balancing.prefix_bytes, balancing.session_header)
    # What machines can take is known only where a YAML says it, which needs the instance-aware
    # name; without it all capacities are 1 and both names mean the same.
    return LeastLoad(random)
