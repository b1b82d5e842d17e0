"""The rule of signals that react at once: fast up, calm down.

Up by Knative's stable and panic windows. Down only to the highest recommendation of some time
(HPA's stabilization), and by no more than half a minute.
"""

from __future__ import annotations

import math

from skyflow.autoscaling.decision import Rule
from skyflow.autoscaling.opinion import Opinion, waits
from skyflow.autoscaling.scene import Scene
from skyflow.autoscaling.sliding import Marks, highest, marked, seconds_left
from skyflow.autoscaling.wanted import Learned, Wanted, wanted_replicas
from skyflow.autoscaling.window import STABLE_SECONDS
from skyflow.records import Record

PANIC_RATIO = 2.0
"""Demand of the panic window, relative to ready replicas, that begins a panic: Knative's
`panic-threshold-percentage` of 200."""
PANIC_LASTS_SECONDS = STABLE_SECONDS
"""Time that a panic lasts after that was last so, as Knative's does."""
STEP_SECONDS = 60.0
"""Time in which at most half of the replicas go: Knative's `max-scale-down-rate` of 2, a minute as
HPA's policies."""

LONGEST_DELAY_SECONDS = 300.0
"""HPA's stabilization window for scaling down; also while no cold start is known."""
COLD_STARTS = 2.5
"""The same in cold starts: what a replica that is kept saves if it is needed again is one of them.
It is HPA's window for replicas that start within two minutes, and less for faster ones."""


class ReactiveState(Record):
    """What the rule remembers."""

    level: int
    highs: Marks = ()
    """Recommendations of the downscale delay that may yet be the highest."""
    lows: Marks = ()
    """Those of `upscale_delay_seconds` that may yet be the lowest, negative."""
    levels: Marks = ()
    """Levels of the last minute that may yet be the highest."""
    panic_until: float = 0
    """Time (Unix, seconds)."""
    learned: Learned = Learned()


def begun(level: int, scene: Scene) -> ReactiveState:
    """Return the state of a rule that begins at a level, which lasts for the delays."""
    settings, now = scene.settings, scene.now
    if scene.at_once:
        return ReactiveState(level=level)
    return ReactiveState(
        level=level,
        highs=marked((), now, level, downscale_delay(scene)),
        lows=marked((), now, -level, settings.upscale_delay_seconds),
    )


def downscale_delay(scene: Scene) -> float:
    """Return the time (seconds) over which the highest recommendation holds."""
    given, cold_start = scene.settings.downscale_delay_seconds, scene.fleet.cold_start_seconds
    if given is not None:
        return given
    if cold_start is None:
        return LONGEST_DELAY_SECONDS
    return min(LONGEST_DELAY_SECONDS, max(STABLE_SECONDS, COLD_STARTS * cold_start))


def react(scene: Scene, state: ReactiveState) -> tuple[Opinion, ReactiveState]:
    """Return what the rule wants, and what it remembers."""
    level = scene.bounds.clip(state.level)
    wanted, learned = wanted_replicas(scene, state.learned, level)
    state = _remembered(scene, state, wanted, level, learned)
    to = scene.bounds.clip(_next_level(scene, state, wanted, level))
    in_panic = scene.now < state.panic_until
    held = _held(scene, state, wanted, level, to)
    opinion = Opinion(
        to,
        moved=to != level,
        rule=_rule(scene, state, wanted, level, to) if to != level or held else Rule.STEADY,
        readings=wanted.readings(in_panic=in_panic),
        held=held,
    )
    return opinion, state.model_copy(update={"level": to})


def _remembered(
    scene: Scene, state: ReactiveState, wanted: Wanted, level: int, learned: Learned
) -> ReactiveState:
    settings, now, clip = scene.settings, scene.now, scene.bounds.clip
    is_pressing = wanted.panic >= PANIC_RATIO * max(1, scene.observation.ready)
    panic_until = now + PANIC_LASTS_SECONDS if is_pressing else state.panic_until
    # A clock that was set back must not keep a panic for longer.
    panic_until = min(panic_until, now + PANIC_LASTS_SECONDS)
    burst = _burst(wanted, in_panic=now < panic_until)
    high = clip(max(wanted.high, burst, wanted.urgent))
    low = clip(max(wanted.low, burst))
    return ReactiveState(
        level=level,
        highs=marked(state.highs, now, high, downscale_delay(scene)),
        lows=marked(state.lows, now, -low, settings.upscale_delay_seconds),
        levels=marked(state.levels, now, level, STEP_SECONDS),
        panic_until=panic_until,
        learned=learned,
    )


def _burst(wanted: Wanted, *, in_panic: bool) -> int:
    return math.ceil(round(wanted.panic, 6)) if in_panic else 0


def _next_level(scene: Scene, state: ReactiveState, wanted: Wanted, level: int) -> int:
    to = max(min(level, highest(state.highs)), -highest(state.lows))
    if scene.now < state.panic_until:
        to = max(to, level)
    if to < level and not scene.at_once:
        to = max(to, _least_step(state))
    return max(to, wanted.urgent)


def _least_step(state: ReactiveState) -> int:
    most = highest(state.levels)
    return most - max(1, most // 2)


def _held(scene: Scene, state: ReactiveState, wanted: Wanted, level: int, to: int) -> str:
    settings, now, clip = scene.settings, scene.now, scene.bounds.clip
    if to < clip(max(wanted.low, _burst(wanted, in_panic=now < state.panic_until))):
        return waits("up", seconds_left(state.lows, now, settings.upscale_delay_seconds))
    if to > level or to <= clip(wanted.high):
        return ""
    if now < state.panic_until:
        return "no scale-down while in panic"
    if to <= highest(state.highs):
        return waits("down", seconds_left(state.highs, now, downscale_delay(scene)))
    return "step limit: at most half of the replicas a minute"


def _rule(scene: Scene, state: ReactiveState, wanted: Wanted, level: int, to: int) -> Rule:
    in_panic = scene.now < state.panic_until
    if to <= level:
        return Rule.PANIC if in_panic else Rule.STABLE
    clip = scene.bounds.clip
    if level == 0 or to > clip(max(wanted.low, _burst(wanted, in_panic=in_panic))):
        return Rule.WAKE
    if to > clip(wanted.low):
        return Rule.PANIC
    return Rule.TREND if to > clip(wanted.unpredicted) else Rule.STABLE
