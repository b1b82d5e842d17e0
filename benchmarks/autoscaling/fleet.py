"""A simulated fleet: replicas that start cold, work on requests, and are drained before they go."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

from benchmarks.autoscaling.requests import SLOTS

_SPREAD = 0.2
"""Part by which a cold start is longer or shorter than usual, evenly distributed."""


class Replica:
    """One replica, from launch to end."""

    __slots__ = ("ended_at", "in_flight", "is_leaving", "is_ready", "launched_at")

    def __init__(self, launched_at: float, *, is_ready: bool = False) -> None:
        self.launched_at = launched_at
        self.ended_at: float | None = None
        """When it ended; until then it costs, also while it is drained."""
        self.is_ready = is_ready
        self.is_leaving = False
        self.in_flight = 0


class Fleet:
    """All replicas of a service; how many there should be is said from outside."""

    def __init__(
        self, ready: int, cold_start: float, seed: int, starts: Callable[[float, Replica], None]
    ) -> None:
        """Begin.

        Args:
            ready: Replicas at first.
            cold_start: From launch to ready (seconds).
            seed: Of how much single starts differ from that: the same launch of two fleets with
                the same seed takes as long.
            starts: Called with the time at which a replica will be ready.

        """
        self._cold_start, self._chance, self._starts = cold_start, random.Random(seed), starts
        self.ready = [Replica(0.0, is_ready=True) for _ in range(ready)]
        """Those that take requests."""
        self.starting: list[Replica] = []
        self.target = ready
        self.actions = 0
        """Times that the target changed."""
        self._all = list(self.ready)
        self._cold_starts: list[float] = []

    def scale(self, target: int, now: float) -> None:
        """Launch replicas, or let some go: first what is not ready, then what has least to do."""
        if target == self.target:
            return
        self.target = target
        self.actions += 1
        for _ in range(target - len(self.ready) - len(self.starting)):
            self._launch(now)
        for _ in range(len(self.ready) + len(self.starting) - target):
            self._let_go(now)

    def started(self, replica: Replica, now: float) -> None:
        """Take a replica whose cold start is over into service, unless it was let go."""
        if replica.is_leaving:
            return
        self.starting.remove(replica)
        replica.is_ready = True
        self.ready.append(replica)
        self._cold_starts.append(now - replica.launched_at)

    def free(self) -> Replica | None:
        """Return the ready replica with the fewest requests, if it can take another one."""
        least = min(self.ready, key=_in_flight, default=None)
        return least if least is not None and least.in_flight < SLOTS else None

    def finished(self, replica: Replica, now: float) -> None:
        """Take note of the end of a request."""
        replica.in_flight -= 1
        if replica.is_leaving and not replica.in_flight:
            replica.ended_at = now

    def cold_start_seconds(self) -> float | None:
        """Return the median of the cold starts so far."""
        return statistics.median(self._cold_starts[-9:]) if self._cold_starts else None

    def hours(self, end: float) -> float:
        """Return the replica-hours from each launch to the end of each, or of the trace."""
        return (
            sum(
                max(0.0, min(end, end if each.ended_at is None else each.ended_at))
                - min(end, each.launched_at)
                for each in self._all
            )
            / 3600
        )

    def _launch(self, now: float) -> None:
        replica = Replica(now)
        self.starting.append(replica)
        self._all.append(replica)
        length = self._cold_start * self._chance.uniform(1 - _SPREAD, 1 + _SPREAD)
        self._starts(now + length, replica)

    def _let_go(self, now: float) -> None:
        if self.starting:
            replica = self.starting.pop()
        else:
            replica = min(self.ready, key=_in_flight)
            self.ready.remove(replica)
        replica.is_leaving = True
        if not replica.in_flight:
            replica.ended_at = now


def _in_flight(replica: Replica) -> int:
    return replica.in_flight
