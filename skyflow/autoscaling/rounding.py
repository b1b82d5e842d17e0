"""Numbers of replicas from numbers of requests."""

from __future__ import annotations

import math

_DIGITS = 6


def replicas_for(load: float, each: float) -> int:
    """Return how many replicas it takes if each takes so much of a load.

    Sums of parts of seconds are off by some 1e-15, which must not take one more replica.
    """
    return math.ceil(round(load / each, _DIGITS))
