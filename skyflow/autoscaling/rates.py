"""How many replicas requests per second ask for."""

from __future__ import annotations

from skyflow.autoscaling.decision import Reading
from skyflow.autoscaling.observation import Fleet
from skyflow.autoscaling.rounding import replicas_for
from skyflow.autoscaling.settings import AutoscalingSettings
from skyflow.autoscaling.window import STABLE_SECONDS, Load

SIGNAL = "requests per second"


def read_rate(settings: AutoscalingSettings, load: Load, fleet: Fleet) -> Reading:
    """Return what the requests per second of the stable window ask for."""
    qps = load.per_second
    if settings.qps is not None:
        each, replicas = settings.qps, replicas_for(qps, settings.qps)
    else:
        each = _assumed(settings.qps_by_accelerator, fleet.capacities)
        replicas = _replicas_by_capacity(qps, fleet.capacities, each)
    return Reading(
        signal=SIGNAL,
        value=qps,
        window_seconds=min(STABLE_SECONDS, load.seconds),
        target=each,
        replicas=replicas,
    )


def _replicas_by_capacity(qps: float, capacities: tuple[float, ...], each: float) -> int:
    """Return how many of the replicas, in the order in which they are kept, can take the load.

    Beyond all of them, each new one is taken for an average one: which accelerator it gets is not
    known before.
    """
    left = qps
    for count, capacity in enumerate(capacities):
        if round(left, 6) <= 0:
            return count
        left -= capacity
    return len(capacities) + replicas_for(max(left, 0.0), each)


def _assumed(by_accelerator: dict[str, float], capacities: tuple[float, ...]) -> float:
    total = sum(capacities)
    return total / len(capacities) if total > 0 else min(by_accelerator.values())
