"""One process's part of what holds for all processes of a data plane together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """Which of several processes this is."""

    number: int = 0
    """From 0."""
    processes: int = 1

    def of(self, limit: int) -> int:
        """Return this process's part of a limit, the first ones have what is left over.

        At least 1, or what clients send to this process would never be answered; 0 of 0.
        """
        part, rest = divmod(limit, self.processes)
        return max(part + (self.number < rest), min(limit, 1))


ALL = Share()
"""Of a process that is the only one."""
