"""An autoscaler driven second by second, without a clock."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from skyflow.autoscaling.autoscaler import Evaluation, evaluate
from skyflow.autoscaling.memory import Memory
from skyflow.autoscaling.observation import Counts, Fleet, Observation
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds
from skyflow.histograms import BOUNDS

START = 1_767_225_600.0
"""2026-01-01, 00:00 UTC: a Thursday."""


def settings(least: int = 1, most: int = 10, **more: Any) -> AutoscalingSettings:
    return AutoscalingSettings(bounds=Bounds(least=least, most=most), **more)


def counts(seconds: float, number: int) -> Counts:
    return {bisect_left(BOUNDS, seconds): number} if number else {}


class Watch:
    """One service: what was decided is in force at once, and ready unless said otherwise."""

    def __init__(
        self, settings: AutoscalingSettings, target: int = 1, now: float = START, **fleet: Any
    ) -> None:
        self.settings = settings
        self.memory = Memory()
        self.now = now
        self.fleet = Fleet(target=target, **fleet)
        self.targets: list[int] = []

    @property
    def target(self) -> int:
        return self.fleet.target

    def see(self, seconds: float = 1, **load: Any) -> Evaluation:
        """Let time pass and evaluate what was seen in it."""
        self.now += seconds
        load = {"ready": self.target, **load}
        return self._evaluate(Observation(at=self.now, seconds=seconds, **load))

    def miss(self, seconds: float = 1) -> Evaluation:
        """Let time pass in which no balancer answers."""
        self.now += seconds
        return self._evaluate(None)

    def keep(self, seconds: int, **load: Any) -> Evaluation:
        """See the same each second."""
        for _ in range(seconds):
            evaluation = self.see(**load)
        return evaluation

    def _evaluate(self, observation: Observation | None) -> Evaluation:
        evaluation = evaluate(self.settings, self.memory, observation, self.fleet, self.now)
        self.memory = evaluation.memory
        self.fleet = self.fleet.model_copy(update={"target": evaluation.target})
        self.targets.append(evaluation.target)
        return evaluation
