"""Knative's pod autoscaler (KPA): concurrency over a stable and a panic window.

Read in knative/serving, pkg/autoscaler/scaling/autoscaler.go (`Scale`); constants are those of
config/core/configmaps/autoscaler.yaml.
"""

from __future__ import annotations

import math
from collections import deque

from benchmarks.autoscaling.sight import Sight
from skyflow.autoscaling.settings import Bounds

TICK_SECONDS = 2.0
"""`tick-interval`."""
STABLE_SECONDS = 60.0
"""`stable-window`."""
PANIC_SECONDS = 6.0
"""`panic-window-percentage` of 10."""
PANIC_THRESHOLD = 2.0
"""`panic-threshold-percentage` of 200."""
MAX_SCALE_UP_RATE = 1000.0
"""`max-scale-up-rate`: of ready pods, at one tick."""
MAX_SCALE_DOWN_RATE = 2.0
"""`max-scale-down-rate`, likewise."""
TARGET_SHARE = 0.7
"""`container-concurrency-target-percentage` of 70."""
GRACE_SECONDS = 30.0
"""`scale-to-zero-grace-period`: how much longer the last pod stays."""


class PodAutoscaler:
    """`autoscaling.knative.dev/target-utilization-percentage` of `containerConcurrency`."""

    period = TICK_SECONDS

    def __init__(self, bounds: Bounds, concurrency: float) -> None:
        """Begin.

        Args:
            bounds: Fewest and most replicas.
            concurrency: Requests at once on each, the percentage applied.

        """
        self._bounds, self._concurrency = bounds, concurrency
        self._means: deque[tuple[float, float]] = deque()
        self._panics_at: float | None = None
        self._most_in_panic = 0
        self._idle_since: float | None = None

    def decide(self, sight: Sight) -> int:
        if sight.now == 0 and sight.ready > 1:
            # It begins in panic, at what there is, so as not to scale down without knowing.
            self._panics_at, self._most_in_panic = 0.0, sight.ready
        # At zero, the activator reports at once what waits for it.
        self._means.append((sight.now, sight.mean_work if sight.ready else float(sight.work)))
        while self._means[0][0] <= sight.now - STABLE_SECONDS:
            self._means.popleft()
        return self._bounds.clip(self._last_stays(sight, self._desired(sight)))

    def _desired(self, sight: Sight) -> int:
        ready = max(1, sight.ready)
        least, most = ready // MAX_SCALE_DOWN_RATE, math.ceil(MAX_SCALE_UP_RATE * ready)
        by_panic = math.ceil(self._mean(sight.now, PANIC_SECONDS) / self._concurrency)
        stable = min(max(self._stable(sight.now), least), most)
        panic = min(max(by_panic, least), most)
        if by_panic / ready >= PANIC_THRESHOLD:
            self._panics_at = sight.now
        elif self._panics_at is not None and self._panics_at + STABLE_SECONDS < sight.now:
            self._panics_at, self._most_in_panic = None, 0
        if self._panics_at is None:
            return int(stable)
        self._most_in_panic = max(self._most_in_panic, int(stable), int(panic))
        return self._most_in_panic

    def _stable(self, now: float) -> int:
        return math.ceil(self._mean(now, STABLE_SECONDS) / self._concurrency)

    def _mean(self, now: float, seconds: float) -> float:
        means = [mean for at, mean in self._means if at > now - seconds]
        return sum(means) / len(means)

    def _last_stays(self, sight: Sight, desired: int) -> int:
        if desired or not sight.target:
            self._idle_since = None
            return desired
        if self._idle_since is None:
            self._idle_since = sight.now
        return 0 if sight.now - self._idle_since >= GRACE_SECONDS else 1
