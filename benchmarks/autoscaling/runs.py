"""All simulations of a run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.autoscaling.contenders import DEFAULT_SHARE, Contender
from benchmarks.autoscaling.results import Point, Results
from benchmarks.autoscaling.simulation import Outcome, simulate
from benchmarks.autoscaling.traces import MINUTE, Trace

BEGIN_SECONDS = 5 * MINUTE
"""Time whose load says how many replicas are ready at the start of a trace."""


@dataclass(frozen=True)
class Case:
    """A trace, made from each seed, and a cold start."""

    seeds: Sequence[int]
    traces: Sequence[Trace]
    """One from each seed."""
    cold_start: float
    """Seconds."""

    @property
    def name(self) -> str:
        return f"{self.traces[0].name}, cold start {self.cold_start:g} s"

    @property
    def about(self) -> str:
        trace = self.traces[0]
        return f"{trace.about}; {len(trace.requests):,} requests in {trace.seconds / 3600:.1f} h"


def run(
    cases: list[Case], rules: list[Contender], results: Results, say: Callable[[str], None]
) -> None:
    """Add the points of all cases to results."""
    for case in cases:
        results.about[case.name] = case.about
        for rule in rules:
            say(f"{case.name}: {rule.name}")
            results.points += [_point(case, rule, target) for target in rule.targets]


def _point(case: Case, rule: Contender, target: float) -> Point:
    outcomes = [
        _outcome(trace, seed, rule, target, case.cold_start)
        for trace, seed in zip(case.traces, case.seeds, strict=True)
    ]
    requests = sum(each.requests for each in outcomes)
    return Point(
        case=case.name,
        rule=rule.name,
        target=statistics.mean(rule.target(target, trace) for trace in case.traces),
        unit=rule.unit,
        is_default=target == rule.default,
        is_ours=rule.is_ours,
        replica_hours=statistics.mean(each.replica_hours for each in outcomes),
        over=sum(each.over for each in outcomes) / requests,
        gave_up=sum(each.gave_up for each in outcomes) / requests,
        actions=statistics.mean(each.actions for each in outcomes),
    )


def _outcome(trace: Trace, seed: int, rule: Contender, target: float, cold_start: float) -> Outcome:
    ready = math.ceil(trace.busy(0, BEGIN_SECONDS) / DEFAULT_SHARE)
    return simulate(trace, rule.make(target, trace), cold_start, seed, ready)
