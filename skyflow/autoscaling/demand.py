"""How many replicas the requests that are there at once ask for."""

from __future__ import annotations

from dataclasses import dataclass

from skyflow.autoscaling.decision import Reading
from skyflow.autoscaling.rounding import replicas_for
from skyflow.autoscaling.settings import AutoscalingSettings

ONGOING = "ongoing requests"
QUEUE = "queue length"

DOWN_SHARE = 0.9
"""Share of the target below which fewer replicas are enough: HPA's tolerance of 0.1. Between it and
the target nothing changes, so that noise around a threshold does not go up and down."""


@dataclass(frozen=True, slots=True)
class Work:
    """Requests that are there at once."""

    stable: float
    """On average in the stable window."""
    panic: float
    """On average in the panic window."""
    now: float
    growth: float = 1.0
    """Expected until a replica started now is ready."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Replicas that one signal asks for."""

    reading: Reading
    low: int
    """Fewer are too few."""
    high: int
    """More are too many."""
    unpredicted: int
    """What `low` would be if the load were not expected to grow."""
    panic: float = 0
    """By the panic window, not rounded."""
    now: int = 0
    """By this very moment."""


def work_demands(
    settings: AutoscalingSettings, work: Work, level: int, seconds: float
) -> list[Demand]:
    """Return what `ongoing` and `queue_length` ask for, or else the places of replicas.

    Args:
        settings: What the service says.
        work: Requests that are there.
        level: Replicas there should be now.
        seconds: Time over which the stable load was observed.

    """
    demands = []
    if settings.ongoing is not None:
        demands.append(_demand(ONGOING, settings.ongoing, work, level, seconds))
    if settings.queue_length is not None:
        # Requests wait only once all replicas have as many as they may.
        each = (settings.max_concurrency or 0) + settings.queue_length
        demands.append(_demand(QUEUE, each, work, level, seconds))
    if not demands and settings.max_concurrency is not None:
        # No duration is as it should be while places are missing, and while nothing is answered
        # none is known.
        demands.append(_demand(ONGOING, settings.max_concurrency, work, level, seconds))
    return demands


def _demand(signal: str, each: float, work: Work, level: int, seconds: float) -> Demand:
    expected = work.stable * work.growth
    low = replicas_for(expected, each)
    high = replicas_for(expected, DOWN_SHARE * each)
    reading = Reading(
        signal=signal,
        value=work.stable,
        window_seconds=seconds,
        target=each,
        replicas=max(low, min(level, high)),
    )
    return Demand(
        reading,
        low,
        high,
        unpredicted=replicas_for(work.stable, each),
        panic=work.panic / each,
        now=replicas_for(work.now, each),
    )
