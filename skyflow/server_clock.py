"""The time as the Temporal server has it, which workflows decide by."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ServerClock:
    """Goes on from a time that the server gave, whatever this computer's own clock says.

    Deadlines come from workflows and so from the server's clock. Compared with the clock of a
    worker or a balancer that is ten minutes off, they would have passed or be far away.
    """

    _ahead: float
    """Server's time (Unix, seconds) minus this computer's monotonic time."""

    @staticmethod
    def started(at: datetime) -> ServerClock:
        """Return a clock that shows this time now: the start of an activity, as it was told."""
        return ServerClock(at.timestamp() - time.monotonic())

    def now(self) -> float:
        """Return the server's time (Unix, seconds)."""
        return self._ahead + time.monotonic()
