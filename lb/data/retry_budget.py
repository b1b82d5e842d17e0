"""How many requests may be repeated after time-outs and failures that a replica answered with.

Without a bound, replicas that fail because they have too much to do would get even more.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

PERCENT = 20
"""Repeats per hundred requests; Envoy's `budget_percent`."""
AT_LEAST = 3
"""Repeats that are allowed however few requests there are; Envoy's `min_retry_concurrency`."""
WINDOW_SECONDS = 10
"""Time in which requests and repeats are counted; as long as that of Finagle and linkerd."""


class RetryBudget:
    """Repeats allowed to one service, by what it was asked within a sliding window of seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: deque[list[int]] = deque(maxlen=WINDOW_SECONDS)
        self._second = int(clock())
        self._ends_at = self._second + 1.0
        self._now = [0, 0]
        """Requests and repeats of the second that goes on."""
        self._seconds.append(self._now)
        self.spent = 0
        """Number of repeats so far."""

    def sent(self) -> None:
        """Count a request that is sent for the first time."""
        clock = self._clock
        if clock() >= self._ends_at:
            self._go_on()
        self._now[0] += 1

    def spend(self, in_flight: int) -> bool:
        """Return whether one more repeat is allowed, which is counted.

        Args:
            in_flight: Requests under way: those that time out were sent before the window.
        """
        self._go_on()
        requests = sum(second[0] for second in self._seconds)
        repeats = sum(second[1] for second in self._seconds)
        if repeats >= max(AT_LEAST, max(requests, in_flight) * PERCENT // 100):
            return False
        self._now[1] += 1
        self.spent += 1
        return True

    def _go_on(self) -> None:
        second = int(self._clock())
        for _ in range(min(second - self._second, WINDOW_SECONDS)):
            self._now = [0, 0]
            self._seconds.append(self._now)
        self._second = second
        self._ends_at = second + 1.0
