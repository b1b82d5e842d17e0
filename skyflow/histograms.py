"""Durations counted by size, in the same buckets everywhere, so that counts can be added up."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

PER_DOUBLING = 4
"""Buckets from one duration to its double: those of OpenTelemetry's exponential histograms at scale
2. A quantile read from them is at most 9% off, half a bucket."""
BOUNDS: tuple[float, ...] = tuple(0.001 * 2 ** (n / PER_DOUBLING) for n in range(81))
"""Longest durations of the buckets, in seconds: from a millisecond, what an answer from a cache
takes, to 17 minutes, longer than clients wait. What takes longer is in one more bucket."""
BUCKETS = len(BOUNDS) + 1
_MICROSECONDS = 1e6
_BATCH = 256
"""Durations that are counted at once."""


class Histogram:
    """Durations observed in one process.

    Integers only, so that parts add up to exactly the whole in whatever order they are added.
    """

    __slots__ = ("_counts", "_microseconds", "_unsorted")

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self._microseconds = 0
        self._unsorted: list[float] = []

    @property
    def counts(self) -> list[int]:
        """Number of durations in each bucket; the last one holds those above all bounds."""
        self._sort()
        return self._counts

    @property
    def microseconds(self) -> int:
        """Sum of all durations."""
        self._sort()
        return self._microseconds

    def observe(self, durations: Iterable[float]) -> None:
        """Count durations, in seconds."""
        self._unsorted += durations
        if len(self._unsorted) >= _BATCH:
            self._sort()

    def _sort(self) -> None:
        """Count many at once: the search for its bucket would cost each more than all the rest."""
        found, self._unsorted = sorted(self._unsorted), []
        self._microseconds += sum([int(seconds * _MICROSECONDS) for seconds in found])
        position = 0
        while position < len(found):
            bucket = bisect_left(BOUNDS, found[position])
            last = bucket == len(BOUNDS)
            end = len(found) if last else bisect_right(found, BOUNDS[bucket], position)
            self._counts[bucket] += end - position
            position = end


def added(one: Sequence[int], other: Sequence[int]) -> tuple[int, ...]:
    """Return the counts of two histograms as those of one.

    Raises:
        ValueError: They have different buckets.
    """
    return tuple(a + b for a, b in zip(one, other, strict=True))


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Return the duration in seconds that a share (0 to 1) of all durations does not exceed.

    It is taken for evenly spread, on a scale of doublings, within its bucket. Durations above all
    bounds count as the last bound; None if there are no durations.
    """
    total = sum(counts)
    if not total:
        return None
    rank = max(share * total, 1)
    below = 0
    for number, count in enumerate(counts[:-1]):
        if below + count >= rank:
            steps = number - 1 + (rank - below) / count
            return BOUNDS[0] * math.exp2(steps / PER_DOUBLING)
        below += count
    return BOUNDS[-1]
