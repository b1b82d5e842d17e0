"""Kubernetes' HorizontalPodAutoscaler on requests at once, with its default behaviour.

Algorithm and constants: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
and the API reference of `HPAScalingRules` (autoscaling/v2). The metric is that of a balancer for
the whole service (`type: External`, `averageValue`), as it is at each look.
"""

from __future__ import annotations

import math
from collections import deque

from benchmarks.autoscaling.sight import Sight
from skyflow.autoscaling.settings import Bounds

SYNC_SECONDS = 15.0
"""`--horizontal-pod-autoscaler-sync-period`."""
TOLERANCE = 0.1
"""`--horizontal-pod-autoscaler-tolerance`."""
DOWN_STABILIZATION_SECONDS = 300.0
"""`scaleDown.stabilizationWindowSeconds`; that of `scaleUp` is 0."""
UP_FACTOR, UP_PODS = 2.0, 4
"""`scaleUp.policies`: +100 % or +4 pods in 15 s, whichever is more. Down, all may go at once."""


class HorizontalPodAutoscaler:
    """`averageValue`; without an alpha feature, one replica is the least."""

    period = SYNC_SECONDS

    def __init__(self, bounds: Bounds, average: float) -> None:
        self._least, self._most, self._average = max(1, bounds.least), bounds.most, average
        self._recommended: deque[tuple[float, int]] = deque()

    def decide(self, sight: Sight) -> int:
        current = sight.target
        if not self._recommended:
            self._recommended.append((sight.now, current))
        self._recommended.append((sight.now, self._by_metric(sight, current)))
        while self._recommended[0][0] <= sight.now - DOWN_STABILIZATION_SECONDS:
            self._recommended.popleft()
        latest = self._recommended[-1][1]
        highest = max(number for _, number in self._recommended)
        to = latest if latest > current else min(current, highest)
        fastest = max(math.ceil(current * UP_FACTOR), current + UP_PODS)
        return max(self._least, min(self._most, to, fastest))

    def _by_metric(self, sight: Sight, current: int) -> int:
        if current and abs(sight.work / (self._average * current) - 1) <= TOLERANCE:
            return current
        return math.ceil(sight.work / self._average)
