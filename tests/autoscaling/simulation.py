"""A fleet whose replicas each work on one request after the other, all alike (M/D/n)."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque

from skyflow.autoscaling.observation import Counts
from skyflow.autoscaling.window import added
from tests.autoscaling.driving import Watch, counts

COLD_START_SECONDS = 10


class Simulation:
    """Requests at a constant rate, for a fleet that an autoscaler decides on."""

    def __init__(self, watch: Watch, *, rate: float, service_seconds: float) -> None:
        self._watch = watch
        self._rng = random.Random(11)
        self._rate = rate
        self._service = service_seconds
        self._ready = watch.target
        self._starting: list[float] = []
        """When each replica that starts will be ready."""
        self._next = watch.now
        """When the next request comes."""
        self._queue: deque[float] = deque()
        """When each request came that waits."""
        self._ends: list[tuple[float, float]] = []
        """When each request that is worked on ends, and how long it will have taken."""

    def run(self, seconds: int) -> list[int]:
        """Return the target of each second."""
        return [self._second() for _ in range(seconds)]

    def _second(self) -> int:
        watch, end = self._watch, self._watch.now + 1
        arrived, ended = self._happen(end)
        load = {"in_flight": len(self._ends), "queued": len(self._queue), "ready": self._ready}
        watch.see(arrived=arrived, latency=ended, first_byte=ended, **load)
        self._follow(watch.target, end)
        return watch.target

    def _happen(self, end: float) -> tuple[int, Counts]:
        """Return how many requests came until a time, and how long those took that ended."""
        arrived, ended = 0, Counts()
        while (now := min(self._next, self._ends[0][0] if self._ends else math.inf)) <= end:
            if now == self._next:
                arrived += 1
                self._queue.append(now)
                self._next += self._rng.uniform(0.5, 1.5) / self._rate
            else:
                ended = added([ended, counts(heapq.heappop(self._ends)[1], 1)])
            self._serve(now)
        return arrived, ended

    def _serve(self, now: float) -> None:
        while self._queue and len(self._ends) < self._ready:
            end = now + self._service
            heapq.heappush(self._ends, (end, end - self._queue.popleft()))

    def _follow(self, target: int, now: float) -> None:
        self._ready = min(target, self._ready + sum(time <= now for time in self._starting))
        self._starting = [time for time in self._starting if time > now]
        missing = target - self._ready
        self._starting += [now + COLD_START_SECONDS] * (missing - len(self._starting))
        del self._starting[missing:]
