"""Ray Serve's default policy: ongoing requests, after delays in which nothing says otherwise.

Read in ray, python/ray/serve/autoscaling_policy.py (`replica_queue_length_autoscaling_policy`) and
python/ray/serve/config.py (`AutoscalingConfig`); both smoothing factors are 1 by default, and leave
what is wanted as it is.
"""

from __future__ import annotations

import math
from collections import deque

from benchmarks.autoscaling.sight import Sight
from skyflow.autoscaling.settings import Bounds

TARGET_ONGOING_REQUESTS = 2.0
"""`target_ongoing_requests`."""
UPSCALE_DELAY_SECONDS = 30.0
"""`upscale_delay_s`."""
DOWNSCALE_DELAY_SECONDS = 600.0
"""`downscale_delay_s`; `downscale_to_zero_delay_s` is the same if not given."""
LOOK_BACK_SECONDS = 30.0
"""`look_back_period_s`: requests are averaged over it."""


class QueueLength:
    """`target_ongoing_requests`."""

    period = 1.0
    """Its loop runs each 0.1 s; delays are times, and metrics come every 10 s."""

    def __init__(self, bounds: Bounds, ongoing: float) -> None:
        self._bounds, self._ongoing = bounds, ongoing
        self._means: deque[tuple[float, float]] = deque()
        self._direction = 0
        self._since = 0.0

    def decide(self, sight: Sight) -> int:
        self._means.append((sight.now, sight.mean_work))
        while self._means[0][0] <= sight.now - LOOK_BACK_SECONDS:
            self._means.popleft()
        if sight.ready == 0:
            # Without a replica, one is wanted at once, and more only when it runs.
            return max(1, sight.target) if sight.work else sight.target
        return self._delayed(sight, self._wanted())

    def _wanted(self) -> int:
        mean = sum(mean for _, mean in self._means) / len(self._means)
        return self._bounds.clip(math.ceil(mean / self._ongoing))

    def _delayed(self, sight: Sight, wanted: int) -> int:
        target = sight.target
        direction = (wanted > target) - (wanted < target)
        if direction != self._direction:
            self._direction, self._since = direction, sight.now
        delay = UPSCALE_DELAY_SECONDS if direction > 0 else DOWNSCALE_DELAY_SECONDS
        if not direction or sight.now - self._since < delay:
            return target
        self._direction = 0
        # To zero only from one.
        return wanted if direction > 0 or target == 1 else max(1, wanted)
