"""Our policies, as the service's workflow has them evaluated: the real code."""

from __future__ import annotations

from benchmarks.autoscaling.requests import SLOTS
from benchmarks.autoscaling.sight import Sight
from skyflow.autoscaling.autoscaler import evaluate
from skyflow.autoscaling.memory import Memory
from skyflow.autoscaling.observation import Fleet, Observation
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds

# Any hour will do; times are Unix times there.
_BEGIN = 1_700_000_000.0


class Skyflow:
    """`skyflow.autoscaling`, with one target."""

    def __init__(
        self,
        bounds: Bounds,
        *,
        ongoing: float | None = None,
        qps: float | None = None,
        first_byte_p95_seconds: float | None = None,
        period: float = 1.0,
    ) -> None:
        """Begin with nothing remembered.

        Args:
            bounds: Fewest and most replicas.
            ongoing: As in `AutoscalingSettings`; so are the others.
            qps: Requests per second and replica.
            first_byte_p95_seconds: Objective.
            period: Seconds between two looks. A service is looked at once a second; with two the
                benchmark takes half the time.

        """
        self.period = period
        self._settings = AutoscalingSettings(
            bounds=bounds,
            ongoing=ongoing,
            qps=qps,
            first_byte_p95_seconds=first_byte_p95_seconds,
            max_concurrency=SLOTS,
        )
        self._memory = Memory()

    def decide(self, sight: Sight) -> int:
        now = _BEGIN + sight.now
        observation = Observation(
            at=now,
            seconds=sight.seconds or self.period,
            arrived=sight.arrived,
            in_flight=sight.in_flight,
            queued=sight.queued,
            ready=sight.ready,
            latency=sight.latency,
            first_byte=sight.first_byte,
        )
        fleet = Fleet(target=sight.target, cold_start_seconds=sight.cold_start_seconds)
        found = evaluate(self._settings, self._memory, observation, fleet, now)
        self._memory = found.memory
        return found.target
