"""One trace through one autoscaler: a simulation by events."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections import defaultdict, deque
from dataclasses import dataclass

from benchmarks.autoscaling.fleet import Fleet, Replica
from benchmarks.autoscaling.requests import Request
from benchmarks.autoscaling.sight import Autoscaler, Sight
from benchmarks.autoscaling.traces import Trace
from skyflow.histograms import BOUNDS

OBJECTIVE_SECONDS = 2.0
"""Time to first byte that a request should get; what is later, or never comes, is over it."""
PATIENCE_SECONDS = 100.0
"""Longest wait for a replica, after which a client gives up: the time-out of the evaluation of
SkyServe (arXiv 2411.01438)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one simulation."""

    requests: int
    answered: int
    gave_up: int
    """Requests that waited too long for a replica."""
    over: int
    """Requests over the objective, those included."""
    replica_hours: float
    actions: int
    """Times that the number of replicas wanted was changed."""


def simulate(
    trace: Trace, autoscaler: Autoscaler, cold_start: float, seed: int, ready: int
) -> Outcome:
    """Return what comes of a trace.

    Args:
        trace: What comes.
        autoscaler: What decides, with a state that is fresh.
        cold_start: From the launch of a replica to its readiness (seconds).
        seed: Of the differences between cold starts.
        ready: Replicas at first.

    """
    return _Simulation(trace, autoscaler, cold_start, seed, ready).run()


class _Simulation:
    def __init__(
        self, trace: Trace, autoscaler: Autoscaler, cold_start: float, seed: int, ready: int
    ) -> None:
        self._trace, self._autoscaler = trace, autoscaler
        self._fleet = Fleet(ready, cold_start, seed, self._starts)
        self._now = 0.0
        self._queue: deque[Request] = deque()
        self._events: list[tuple[float, int, Request | None, Replica]] = []
        """When a request ends or, without one, a replica is ready, in the order of time."""
        self._numbers = 0
        self._in_flight = 0
        self._answered = self._gave_up = self._over = 0
        # Since the last look:
        self._looked_at = 0.0
        self._arrived = 0
        self._work_seconds = 0.0
        self._latency: defaultdict[int, int] = defaultdict(int)
        self._first_bytes: list[tuple[float, float]] = []
        """When first bytes come, and how long that took, of requests that are on replicas."""

    def run(self) -> Outcome:
        requests, events = self._trace.requests, self._events
        coming, look_at = 0, 0.0
        while coming < len(requests) or self._in_flight or self._queue:
            arrives_at = requests[coming].at if coming < len(requests) else math.inf
            event_at = events[0][0] if events else math.inf
            if look_at <= arrives_at and look_at <= event_at:
                self._pass(look_at)
                self._look()
                look_at += self._autoscaler.period
            elif arrives_at <= event_at:
                self._pass(arrives_at)
                self._queue.append(requests[coming])
                self._arrived += 1
                coming += 1
                self._assign()
            else:
                self._happen()
        return self._outcome()

    def _pass(self, now: float) -> None:
        """Let time pass."""
        self._work_seconds += (self._in_flight + len(self._queue)) * (now - self._now)
        self._now = now

    def _happen(self) -> None:
        at, _, request, replica = heapq.heappop(self._events)
        self._pass(at)
        if request is not None:
            self._latency[_bucket(at - request.at)] += 1
            self._in_flight -= 1
            self._answered += 1
            self._fleet.finished(replica, at)
        else:
            self._fleet.started(replica, at)
        if self._queue:
            self._assign()

    def _assign(self) -> None:
        """Give replicas what waits, first come first served."""
        self._give_up()
        while self._queue and (replica := self._fleet.free()) is not None:
            request = self._queue.popleft()
            replica.in_flight += 1
            self._in_flight += 1
            first_byte_at = self._now + request.prompt_seconds
            took = first_byte_at - request.at
            self._over += took > OBJECTIVE_SECONDS
            self._first_bytes.append((first_byte_at, took))
            self._schedule(self._now + request.seconds, request, replica)

    def _give_up(self) -> None:
        while self._queue and self._queue[0].at < self._now - PATIENCE_SECONDS:
            self._queue.popleft()
            self._gave_up += 1
            self._over += 1

    def _look(self) -> None:
        self._give_up()
        now, fleet, passed = self._now, self._fleet, self._now - self._looked_at
        sight = Sight(
            now=now,
            seconds=passed,
            arrived=self._arrived,
            in_flight=self._in_flight,
            queued=len(self._queue),
            mean_work=self._work_seconds / passed if passed else float(self._in_flight),
            ready=len(fleet.ready),
            target=fleet.target,
            cold_start_seconds=fleet.cold_start_seconds(),
            first_byte=self._counted(),
            latency=dict(self._latency),
        )
        self._looked_at, self._arrived, self._work_seconds = now, 0, 0.0
        self._latency.clear()
        fleet.scale(self._autoscaler.decide(sight), now)

    def _counted(self) -> dict[int, int]:
        """Return the first bytes that came since the last look."""
        counts: dict[int, int] = {}
        later = []
        for at, took in self._first_bytes:
            if at > self._now:
                later.append((at, took))
                continue
            bucket = _bucket(took)
            counts[bucket] = counts.get(bucket, 0) + 1
        self._first_bytes = later
        return counts

    def _starts(self, at: float, replica: Replica) -> None:
        self._schedule(at, None, replica)

    def _schedule(self, at: float, request: Request | None, replica: Replica) -> None:
        self._numbers += 1
        heapq.heappush(self._events, (at, self._numbers, request, replica))

    def _outcome(self) -> Outcome:
        return Outcome(
            requests=len(self._trace.requests),
            answered=self._answered,
            gave_up=self._gave_up,
            over=self._over,
            replica_hours=self._fleet.hours(self._trace.seconds),
            actions=self._fleet.actions,
        )


def _bucket(seconds: float) -> int:
    return bisect_left(BOUNDS, seconds)
