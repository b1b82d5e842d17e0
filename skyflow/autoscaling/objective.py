"""How many replicas an objective for the 95th percentile of durations asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skyflow.autoscaling.backlog import CATCHING_UP
from skyflow.autoscaling.decision import Reading
from skyflow.autoscaling.demand import Demand
from skyflow.autoscaling.observation import Counts
from skyflow.autoscaling.rounding import replicas_for
from skyflow.autoscaling.window import STABLE_SECONDS, Span, added
from skyflow.histograms import BUCKETS, quantile
from skyflow.records import Record

LATENCY = "p95 latency"
FIRST_BYTE = "p95 time to first byte"

LEAST_OBSERVATIONS = 20
"""Durations that it takes to speak of the slowest 5 %."""
TOLERANCE = 0.1
"""Part of the objective by which it may be exceeded: HPA's tolerance, and what a quantile read from
a histogram may be off."""
EASY = 0.8
"""Share of the objective below which fewer replicas may do."""
MAX_STEP = 2.0
"""Most that the number grows by at once: how much slower replicas are does not say how many more
would be enough."""
SAFE_SHARE = 0.9
"""Share of the load with which the objective was once missed that a replica may get again."""
FORGET_SECONDS = 6 * 3600.0
"""Time for which such a load is remembered: requests and models change, and they depend on
more than their number. Long, because finding it anew costs a minute with too few replicas."""
CATCH_UP_SECONDS = STABLE_SECONDS
"""Longest that working off a queue may take; otherwise it takes more replicas."""


class ObjectiveState(Record):
    """What is remembered of one objective."""

    limit: float | None = None
    """Requests per second and replica with which it was missed; those answered, as too many of them
    only make the queue longer."""
    limit_at: float = 0
    slowest: float = 0
    """95th percentile when last measured (seconds)."""
    clear_at: float = 0
    """When a queue was last being worked off (Unix, seconds)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """In what circumstances durations were measured."""

    spans: tuple[Span, ...]
    now: float
    level: int
    """Replicas there should be, without over-provision."""
    ready: int
    overprovision: int
    per_second: float
    """Requests that come."""
    work: int
    """Requests that are there now."""
    is_idle: bool
    """Whether there was nothing to do all through the stable window."""
    settled_at: float | None
    """Since when as many replicas are ready as there should be (Unix, seconds); None if they are
    not."""


def objective_demand(
    signal: str, objective: float, state: ObjectiveState, setting: Setting
) -> tuple[Demand, ObjectiveState]:
    """Return what an objective in seconds asks for, and what to remember of it.

    Only what was measured with the present number of replicas counts, so that one overload does not
    ask for more again and again.
    """
    if state.limit is not None and setting.now - state.limit_at > FORGET_SECONDS:
        state = state.model_copy(update={"limit": None})
    measured = _measured(signal, state, setting)
    if measured.number < LEAST_OBSERVATIONS:
        replicas = _with_few(objective, measured, state, setting)
        return _demand(signal, objective, None, measured.seconds, replicas), state
    slowest = _quantile(measured.counts, 0.95)
    if slowest > (1 + TOLERANCE) * objective and _is_catching_up(measured, setting):
        state = state.model_copy(update={"clear_at": setting.now})
        return _demand(signal, objective, slowest, measured.seconds, setting.level), state
    each = measured.number / measured.seconds / max(1, setting.ready)
    state = _learned(objective, slowest, each, state, setting)
    replicas = _replicas(slowest / objective, state, setting)
    return _demand(signal, objective, slowest, measured.seconds, replicas), state


@dataclass(frozen=True, slots=True)
class _Measured:
    seconds: float
    arrived: int
    counts: Counts
    """Durations of the requests that ended."""

    @property
    def number(self) -> int:
        return sum(self.counts.values())


def _measured(signal: str, state: ObjectiveState, setting: Setting) -> _Measured:
    """Return what counts: it was measured with as many replicas as there should be."""
    if setting.settled_at is None:
        return _Measured(0.0, 0, {})
    # What ended soon after the number of replicas changed had begun before.
    begin = max(setting.settled_at + min(STABLE_SECONDS, state.slowest), state.clear_at)
    spans = [span for span in setting.spans if span.at - span.seconds >= begin]
    return _Measured(
        sum(span.seconds for span in spans),
        sum(span.arrived for span in spans),
        added([span.latency if signal == LATENCY else span.first_byte for span in spans]),
    )


def _is_catching_up(measured: _Measured, setting: Setting) -> bool:
    if measured.number < CATCHING_UP * measured.arrived:
        return False
    per_second = (measured.number - measured.arrived) / measured.seconds
    return setting.work <= per_second * CATCH_UP_SECONDS


def _with_few(
    objective: float, measured: _Measured, state: ObjectiveState, setting: Setting
) -> int:
    """Return the replicas to have if too few requests ended: the slowest stands for all of them."""
    if setting.is_idle:
        return 0
    # Spans leave the window as a whole, so that it is never quite full.
    is_full = measured.seconds >= STABLE_SECONDS * 0.9
    if is_full and measured.number and _quantile(measured.counts, 1) < EASY * objective:
        return _fewer(state, setting)
    return setting.level


def _learned(
    objective: float, slowest: float, each: float, state: ObjectiveState, setting: Setting
) -> ObjectiveState:
    limit, limit_at = state.limit, state.limit_at
    if slowest > (1 + TOLERANCE) * objective:
        limit = each if limit is None else min(limit, each)
        limit_at = setting.now
    elif slowest < objective and limit is not None and each > limit:
        limit = each
    return state.model_copy(update={"limit": limit, "limit_at": limit_at, "slowest": slowest})


def _replicas(ratio: float, state: ObjectiveState, setting: Setting) -> int:
    if ratio > 1 + TOLERANCE:
        # Another rule may have asked for more than this one.
        serving = max(setting.level, setting.ready - setting.overprovision)
        return math.ceil(serving * min(ratio, MAX_STEP))
    return _fewer(state, setting) if ratio < EASY else setting.level


def _fewer(state: ObjectiveState, setting: Setting) -> int:
    """Return one step down: a quarter, or up to half as far as the known limit allows."""
    level = setting.level
    if state.limit is None:
        return max(1, level - max(1, level // 4))
    safe = replicas_for(setting.per_second, SAFE_SHARE * state.limit) - setting.overprovision
    return min(level, max(1, math.ceil(level / 2), safe))


def _demand(
    signal: str, objective: float, value: float | None, seconds: float, replicas: int
) -> Demand:
    reading = Reading(
        signal=signal,
        value=value,
        window_seconds=seconds,
        target=objective,
        replicas=replicas,
    )
    return Demand(reading, low=replicas, high=replicas, unpredicted=replicas)


def _quantile(counts: Counts, share: float) -> float:
    dense = [0] * BUCKETS
    for bucket, count in counts.items():
        dense[min(max(bucket, 0), BUCKETS - 1)] += count
    return quantile(dense, share) or 0.0
