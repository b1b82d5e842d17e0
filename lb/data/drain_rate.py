"""How fast places come free, so that a client can be told when to come back."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 30.0
"""What came free longer ago says nothing of now."""
_REMEMBERED = 128
"""Times that are remembered: with more of them a service is so fast that a second is enough."""


class DrainRate:
    """The times at which places came free. Pure: the time is given, in seconds of any clock."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_REMEMBERED)

    def freed(self, now: float) -> None:
        """Note that a place came free."""
        self._times.append(now)

    def seconds(self, places: int, now: float) -> float | None:
        """Return how long it takes until so many places come free; None if nobody can tell."""
        times = self._times
        while times and now - times[0] > WINDOW_SECONDS:
            times.popleft()
        if len(times) < 2:
            return None
        # The time since the last one counts as well: a service that stands still gets slower.
        return places * (now - times[0]) / (len(times) - 1)
