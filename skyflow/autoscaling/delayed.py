"""SkyServe's rule: requests per second call for more, or fewer, for some time before it happens.

Times are real ones, not SkyServe's ticks of 20 s, and one odd sample does not begin them anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from skyflow.autoscaling.decision import Reading, Rule
from skyflow.autoscaling.observation import Observation
from skyflow.autoscaling.opinion import Opinion, waits
from skyflow.autoscaling.rates import read_rate
from skyflow.autoscaling.scene import Scene
from skyflow.records import Record

TOLERATED_SHARE = 0.1
"""Share of a delay during which the load may say otherwise without beginning it anew."""


class Pending(Record):
    """A change that waits for its delay."""

    since: float
    """Time (Unix, seconds) when it was first called for."""
    contrary: float = 0
    """Seconds since then during which it was not."""


class DelayedState(Record):
    """What the rule remembers."""

    level: int
    checked_at: float
    """Time of the evaluation before (Unix, seconds)."""
    up: Pending | None = None
    down: Pending | None = None


@dataclass(frozen=True, slots=True)
class _Delays:
    up: float
    down: float


def follow_rate(scene: Scene, state: DelayedState) -> tuple[Opinion, DelayedState]:
    """Return what the rule wants, and what it remembers."""
    settings, bounds, now = scene.settings, scene.bounds, scene.now
    reading = read_rate(settings, scene.stable, scene.fleet)
    level = bounds.clip(state.level)
    wanted = bounds.clip(_at_least_one(reading.replicas, scene.observation, level))
    if level == 0 and wanted > 0:
        return _moved(wanted, Rule.WAKE, reading, now)
    delays = _Delays(settings.qps_upscale_delay_seconds, settings.qps_downscale_delay_seconds)
    if scene.at_once:
        delays = _Delays(0, 0)
    passed = max(0.0, now - state.checked_at)
    up = _advanced(state.up, wanted > level, passed, delays.up, now)
    down = _advanced(state.down, wanted < level, passed, delays.down, now)
    is_due = _is_due(up, delays.up, now) if wanted > level else _is_due(down, delays.down, now)
    if wanted != level and is_due:
        return _moved(wanted, Rule.DELAY, reading, now)
    held = _held(wanted - level, up, down, delays, now)
    rule = Rule.STEADY if wanted == level else Rule.DELAY
    after = DelayedState(level=level, checked_at=now, up=up, down=down)
    return Opinion(level, moved=False, rule=rule, readings=(reading,), held=held), after


def _at_least_one(replicas: int, observation: Observation, level: int) -> int:
    """Return one instead of none while there is work, or at zero if anything came."""
    is_needed = observation.work > 0 or (level == 0 and observation.arrived > 0)
    return max(1, replicas) if is_needed else replicas


def _advanced(
    pending: Pending | None, agrees: bool, passed: float, delay: float, now: float
) -> Pending | None:
    if pending is None or pending.since > now:
        return Pending(since=now) if agrees else None
    if agrees:
        return pending
    contrary = pending.contrary + passed
    if contrary > TOLERATED_SHARE * delay:
        return None
    return Pending(since=pending.since, contrary=contrary)


def _is_due(pending: Pending | None, delay: float, now: float) -> bool:
    return pending is not None and now - pending.since >= delay


def _moved(level: int, rule: Rule, reading: Reading, now: float) -> tuple[Opinion, DelayedState]:
    opinion = Opinion(level, moved=True, rule=rule, readings=(reading,))
    return opinion, DelayedState(level=level, checked_at=now)


def _held(
    change: int, up: Pending | None, down: Pending | None, delays: _Delays, now: float
) -> str:
    if change > 0 and up is not None:
        return waits("up", up.since + delays.up - now)
    if change < 0 and down is not None:
        return waits("down", down.since + delays.down - now)
    return ""
