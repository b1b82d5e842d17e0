"""Since when a fleet has been as it should be."""

from __future__ import annotations

from skyflow.autoscaling.window import PANIC_SECONDS
from skyflow.records import Record

PATIENCE_SECONDS = 300.0
"""Time after which a fleet that has not changed is taken as it is, though replicas are missing: no
capacity may be found for them, and those that are there speak for themselves."""


class Settling(Record):
    """The latest change of a fleet."""

    ready: int = -1
    wanted: int = -1
    changed_at: float = 0
    """When either became what it is (Unix, seconds)."""

    def seen(self, ready: int, wanted: int, now: float) -> Settling:
        """Return what to remember after another look."""
        if (ready, wanted) == (self.ready, self.wanted):
            return self
        return Settling(ready=ready, wanted=wanted, changed_at=now)

    def is_starting(self, now: float) -> bool:
        """Return whether replicas are being started, or began to work only a moment ago."""
        return self.ready < self.wanted or now < self.changed_at + PANIC_SECONDS

    def settled_at(self, now: float) -> float | None:
        """Return since when durations speak of this number of replicas, if they do."""
        if self.ready <= 0:
            return None
        if self.ready >= self.wanted:
            return self.changed_at
        begin = self.changed_at + PATIENCE_SECONDS
        return begin if now >= begin else None
