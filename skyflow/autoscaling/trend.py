"""Whether the load rises, and how much until a replica that is started now is ready."""

from __future__ import annotations

import math
from itertools import pairwise

from skyflow.autoscaling.window import STABLE_SECONDS, Span

MAX_HORIZON_SECONDS = 600.0
"""Farthest that a minute of load is taken to tell of the future."""
MAX_GROWTH = 2.0
"""Most that the load is expected to grow, relative to now."""
SIGNIFICANCE = 4.0
"""Standard errors that the slope must be above zero. A constant load is looked at each second: with
2 it would often seem to rise, with 4 about once in a few hundred hours."""

_BUCKETS = 12
_BUCKET_SECONDS = STABLE_SECONDS / _BUCKETS
_LEAST_SHARE_OF_A_QUARTER = 1 / 3


def growth(spans: tuple[Span, ...], now: float, horizon_seconds: float) -> float:
    """Return the factor from the mean load of the stable window to that at the horizon.

    It is 1 unless requests come ever more often all through the window. Arrivals tell of it rather
    than requests at once, because of a constant load they are independent of each other: their
    noise is known, that of a queue looks like trends.
    """
    rates = _rates(spans, now)
    if rates is None or not _rises_throughout(rates):
        return 1.0
    mean = sum(rates) / _BUCKETS
    slope, error = _slope(rates, mean)
    if slope < SIGNIFICANCE * error:
        return 1.0
    middle = STABLE_SECONDS / 2
    present = mean + slope * middle
    future = mean + slope * (middle + min(horizon_seconds, MAX_HORIZON_SECONDS))
    return min(future, MAX_GROWTH * present) / mean


def _rates(spans: tuple[Span, ...], now: float) -> list[float] | None:
    """Return requests per second in each part of the window, oldest first, if all were seen."""
    seconds = [0.0] * _BUCKETS
    arrived = [0] * _BUCKETS
    for span in spans:
        age = now - span.at + span.seconds / 2
        bucket = _BUCKETS - 1 - int(age / _BUCKET_SECONDS)
        if 0 <= bucket < _BUCKETS and span.seconds <= 2 * _BUCKET_SECONDS:
            seconds[bucket] += span.seconds
            arrived[bucket] += span.arrived
    if not all(seconds):
        return None
    return [count / time for count, time in zip(arrived, seconds, strict=True)]


def _rises_throughout(rates: list[float]) -> bool:
    """Return whether each quarter of the window adds its share, which tells a ramp from a step."""
    size = _BUCKETS // 4
    quarters = [sum(rates[start : start + size]) for start in range(0, _BUCKETS, size)]
    rise = (quarters[-1] - quarters[0]) / 3
    steps = pairwise(quarters)
    return rise > 0 and all(
        after - before > _LEAST_SHARE_OF_A_QUARTER * rise for before, after in steps
    )


def _slope(rates: list[float], mean: float) -> tuple[float, float]:
    """Return the slope by least squares (1/s2), and its standard error.

    The error is at least that of requests that come independently of each other.
    """
    times = [(bucket - (_BUCKETS - 1) / 2) * _BUCKET_SECONDS for bucket in range(_BUCKETS)]
    spread = sum(time * time for time in times)
    slope = sum(time * rate for time, rate in zip(times, rates, strict=True)) / spread
    rest = sum((rate - mean - slope * time) ** 2 for time, rate in zip(times, rates, strict=True))
    variance = max(rest / (_BUCKETS - 2), mean / _BUCKET_SECONDS)
    return slope, math.sqrt(variance / spread)
