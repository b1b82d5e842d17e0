"""New replicas get their share of the requests little by little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic

from lb.data.policies.base import Chosen

FIRST_PACE = 0.1
"""Part of its capacity that a new replica is given at first; Envoy's `min_weight_percent`."""
STEP_SECONDS = 0.1
"""Time from one change of pace to the next."""


class SlowStart(Generic[Chosen]):
    """Lets a replica that joins others that are not new work up to its full pace."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        """Begin without replicas.

        Args:
            seconds: How long a replica is new; 0 for not at all.
            now: Tells the time in seconds, by a clock that does not jump.

        """
        self._seconds = seconds
        self._now = now
        self._since: dict[Chosen, float] = {}
        self._next_step = 0.0
        self.active = False
        """Whether any replica is new."""

    def update(self, replicas: Sequence[Chosen]) -> None:
        """Learn which replicas there are: those not seen just before are new from now on."""
        now = self._now()
        self._since = {replica: self._since.get(replica, now) for replica in replicas}
        self._step(now)

    def advance(self) -> None:
        """Bring the pace of each replica up to date."""
        now = self._now()
        if now >= self._next_step:
            self._step(now)

    def _step(self, now: float) -> None:
        self._next_step = now + STEP_SECONDS
        left = {replica: since + self._seconds - now for replica, since in self._since.items()}
        new = sum(seconds > 0 for seconds in left.values())
        self.active = new > 0
        # Where all are new there is nobody to spare them.
        spared = new < len(left)
        for replica, seconds in left.items():
            slow = spared and seconds > 0
            replica.pace = max(1 - seconds / self._seconds, FIRST_PACE) if slow else 1
