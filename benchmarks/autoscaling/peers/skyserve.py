"""SkyServe's rule: requests per second, after delays counted in ticks.

As in SkyPilot 0.14.1, sky/serve/autoscalers.py (`RequestRateAutoscaler`) and
sky/serve/constants.py. Differences of its fleet are left out in its favour: requests that come
while there is no replica wait here, and get 503 there.
"""

from __future__ import annotations

import math
from collections import deque

from benchmarks.autoscaling.sight import Sight
from skyflow.autoscaling.settings import Bounds

DECISION_SECONDS = 20
"""`AUTOSCALER_DEFAULT_DECISION_INTERVAL_SECONDS`."""
DECISION_AT_ZERO_SECONDS = 5
"""`AUTOSCALER_NO_REPLICA_DECISION_INTERVAL_SECONDS`: with no replica wanted."""
WINDOW_SECONDS = 60
"""`AUTOSCALER_QPS_WINDOW_SIZE_SECONDS`."""
UPSCALE_DELAY_SECONDS = 300
"""`AUTOSCALER_DEFAULT_UPSCALE_DELAY_SECONDS`."""
DOWNSCALE_DELAY_SECONDS = 1200
"""`AUTOSCALER_DEFAULT_DOWNSCALE_DELAY_SECONDS`."""


class RequestRate:
    """`target_qps_per_replica`."""

    period = float(DECISION_AT_ZERO_SECONDS)

    def __init__(self, bounds: Bounds, qps: float) -> None:
        self._bounds, self._qps = bounds, qps
        self._arrived: deque[tuple[float, int]] = deque()
        self._decide_at = 0.0
        self._ups = self._downs = 0

    def decide(self, sight: Sight) -> int:
        self._arrived.append((sight.now, sight.arrived))
        while self._arrived[0][0] <= sight.now - WINDOW_SECONDS:
            self._arrived.popleft()
        if sight.now < self._decide_at:
            return sight.target
        target = self._tick(sight.target)
        self._decide_at = sight.now + (DECISION_SECONDS if target else DECISION_AT_ZERO_SECONDS)
        return target

    def _tick(self, target: int) -> int:
        rate = sum(number for _, number in self._arrived) / WINDOW_SECONDS
        wanted = self._bounds.clip(math.ceil(rate / self._qps))
        if target == 0:
            return wanted
        # One tick that says otherwise begins the count anew.
        self._ups = self._ups + 1 if wanted > target else 0
        self._downs = self._downs + 1 if wanted < target else 0
        is_due = (
            self._ups >= UPSCALE_DELAY_SECONDS // DECISION_SECONDS
            or self._downs >= DOWNSCALE_DELAY_SECONDS // DECISION_SECONDS
        )
        if not is_due:
            return target
        self._ups = self._downs = 0
        return wanted
