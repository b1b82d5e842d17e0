"""Why the number of replicas is what it is, from what each rule wants."""

from __future__ import annotations

from dataclasses import dataclass

from skyflow.autoscaling.decision import Explanation, Reading, Rule
from skyflow.autoscaling.opinion import Opinion
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds

UNSEEN = "no balancer answered"
AT_MOST = "at the most that the bounds allow"


@dataclass(frozen=True, slots=True)
class Change:
    """One evaluation, to be explained."""

    settings: AutoscalingSettings
    bounds: Bounds
    """Those in force."""
    opinions: tuple[Opinion, ...]
    """What each rule wants; none if nothing was seen."""
    is_seen: bool
    previous: int
    """Replicas wanted by the service, over-provision included."""
    before: int
    """Replicas wanted by the evaluation before, without over-provision."""
    level: int
    """The same now."""
    last_rule: Rule | None
    """What settled the number before; None after the settings have changed."""

    @property
    def target(self) -> int:
        """Replicas wanted now, over-provision included."""
        return self.level + self.overprovision

    @property
    def overprovision(self) -> int:
        """Replicas beyond the level: none at zero."""
        return self.settings.overprovision if self.level else 0


def explained(change: Change) -> Explanation:
    """Return why there should be so many replicas."""
    readings = tuple(reading for opinion in change.opinions for reading in opinion.readings)
    asking = max(readings, key=lambda reading: reading.replicas, default=None)
    winner = _winner(change)
    held = winner.held if winner else ""
    if not change.is_seen:
        held = UNSEEN
    elif _is_at_most(change, asking):
        held = AT_MOST
    return Explanation(
        previous=change.previous,
        target=change.target,
        rule=_rule(change, winner, asking),
        signal="" if asking is None else asking.signal,
        readings=readings,
        bounds=change.bounds,
        overprovision=change.overprovision,
        held=held,
    )


def settling_rule(change: Change) -> Rule:
    """Return what settled the present level, now or in an evaluation before."""
    if change.level == change.before:
        return change.last_rule or Rule.OVERPROVISION
    if change.level == change.bounds.clip(change.before) or not change.opinions:
        return Rule.SCHEDULE if change.settings.schedule else Rule.BOUNDS
    moved = [opinion for opinion in change.opinions if opinion.moved]
    return max(moved, key=lambda opinion: opinion.level).rule


def _rule(change: Change, winner: Opinion | None, asking: Reading | None) -> Rule:
    # The service may not have taken over yet what was decided a moment ago.
    if change.level != change.before or change.target != change.previous:
        return settling_rule(change)
    if _is_at_most(change, asking):
        return Rule.BOUNDS
    return winner.rule if winner else Rule.STEADY


def _is_at_most(change: Change, asking: Reading | None) -> bool:
    return asking is not None and asking.replicas > change.level == change.bounds.most


def _winner(change: Change) -> Opinion | None:
    return max(change.opinions, key=lambda opinion: (opinion.level, opinion.moved), default=None)
