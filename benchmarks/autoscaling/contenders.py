"""What is compared: each rule, over a range of its target, with its default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.autoscaling.ours import Skyflow
from benchmarks.autoscaling.peers.hpa import HorizontalPodAutoscaler
from benchmarks.autoscaling.peers.knative import TARGET_SHARE, PodAutoscaler
from benchmarks.autoscaling.peers.ray_serve import TARGET_ONGOING_REQUESTS, QueueLength
from benchmarks.autoscaling.peers.skyserve import RequestRate
from benchmarks.autoscaling.requests import SLOTS
from benchmarks.autoscaling.sight import Autoscaler
from benchmarks.autoscaling.simulation import OBJECTIVE_SECONDS
from benchmarks.autoscaling.traces import Trace
from skyflow.autoscaling.settings import Bounds

BOUNDS = Bounds(least=0, most=60)
"""The most is never reached by a rule that is not out of control."""
SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Targets, as parts of what a replica can take."""
DEFAULT_SHARE = TARGET_SHARE
"""For rules that have no default: that of Knative."""
SECONDS = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)


@dataclass(frozen=True)
class Contender:
    """A rule."""

    name: str
    unit: str
    """Of its target."""
    targets: tuple[float, ...]
    default: float
    """The target that is marked."""
    make: Callable[[float, Trace], Autoscaler]
    """Returns it with a target, for a trace."""
    is_ours: bool = False
    per_capacity: bool = False
    """Whether targets are parts of the requests per second that a replica can take."""

    def target(self, target: float, trace: Trace) -> float:
        """Return a target as this rule is given it."""
        return target * trace.capacity if self.per_capacity else target


def contenders(period: float) -> list[Contender]:
    """Return all of them; ours look at the load once in a period (seconds)."""
    ongoing = tuple(share * SLOTS for share in SHARES)
    default = DEFAULT_SHARE * SLOTS
    return [
        Contender(
            "skyflow ongoing",
            "requests",
            ongoing,
            default,
            lambda target, _: Skyflow(BOUNDS, ongoing=target, period=period),
            is_ours=True,
        ),
        Contender(
            "skyflow first byte",
            "s",
            SECONDS,
            OBJECTIVE_SECONDS,
            lambda target, _: Skyflow(BOUNDS, first_byte_p95_seconds=target, period=period),
            is_ours=True,
        ),
        Contender(
            "skyflow qps",
            "per s",
            SHARES,
            DEFAULT_SHARE,
            lambda target, trace: Skyflow(BOUNDS, qps=target * trace.capacity, period=period),
            is_ours=True,
            per_capacity=True,
        ),
        Contender(
            "SkyServe",
            "per s",
            SHARES,
            DEFAULT_SHARE,
            lambda target, trace: RequestRate(BOUNDS, target * trace.capacity),
            per_capacity=True,
        ),
        Contender(
            "Knative", "requests", ongoing, default, lambda target, _: PodAutoscaler(BOUNDS, target)
        ),
        Contender(
            "Ray Serve",
            "requests",
            (TARGET_ONGOING_REQUESTS, *ongoing),
            TARGET_ONGOING_REQUESTS,
            lambda target, _: QueueLength(BOUNDS, target),
        ),
        Contender(
            "HPA",
            "requests",
            ongoing,
            default,
            lambda target, _: HorizontalPodAutoscaler(BOUNDS, target),
        ),
    ]
