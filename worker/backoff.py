"""How long to wait before a process that ended is started again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Delays (seconds) that double from the first to the longest, and start over after a while."""

    first: float = 0.02
    longest: float = 10
    healthy_after: float = 1
    """A process that answered for this long had started well: the next delay is the first again."""

    def next_delay(self, previous: float | None, answered: float) -> float:
        """Return the delay after a process that answered for a number of seconds, or never (0)."""
        if previous is None or answered >= self.healthy_after:
            return self.first
        return min(previous * 2, self.longest)
