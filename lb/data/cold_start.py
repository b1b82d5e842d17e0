"""How long it takes until a replica is ready, where none is: by what the service has learned."""

from __future__ import annotations


class ColdStart:
    """Since when one is awaited. Pure: the time is given, in seconds of a clock that never jumps.

    Nobody tells a balancer that a replica is being started. It follows from a request, which wakes
    the service, or from the loss of the last ready replica, which is replaced.
    """

    def __init__(self) -> None:
        self._since: float | None = None

    def awaited(self, now: float) -> None:
        """Note that one is being started, now if that was not known before."""
        if self._since is None:
            self._since = now

    def over(self) -> None:
        """Note that one is ready, or that nothing is known of one being started."""
        self._since = None

    def remaining(self, usual: float | None, now: float) -> float | None:
        """Return in how many seconds one will be ready; None if nobody can tell.

        Args:
            usual: How long a start took before, in seconds; None if that was not learned.
            now: The time.
        """
        if usual is None or self._since is None:
            return None
        seconds = usual - (now - self._since)
        # One that is late may be ready at any moment, or never.
        return seconds if seconds > 0 else None
