"""What happens in a run: a pure function of its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.faults.points import POINTS, Host, Moment, Point, Stage


class Action(StrEnum):
    """What is done to a process."""

    KILL = "kill"
    FREEZE = "freeze"


class Target(StrEnum):
    """To which process; `SELF` is the one that reached the point."""

    SELF = "self"
    OTHER_WORKER = "other worker"
    CONTROL = "lb-control"
    DATA = "lb-data"
    MACHINE = "machine"
    """All of a machine, as when a cloud takes it away, or as when its host stands still."""
    TEMPORAL = "temporal"
    SUPERVISOR = "supervisor"


class Loss(StrEnum):
    """How the replica is lost that is replaced."""

    SERVER = "server"
    MACHINE = "machine"


@dataclass(frozen=True)
class Fault:
    """One fault: where it strikes, and what it does."""

    point: Point
    stage: Stage
    nth: int
    """Strikes when the point is reached for this time in the stage, from 1."""
    action: Action
    target: Target
    delay: float = 0
    """Seconds after the beginning, for the moment `during`."""
    frozen_seconds: float = 0
    """Longest time until a frozen process goes on; it does once the stage has come to its end."""

    def __str__(self) -> str:
        return f"{self.action} {self.target} at {self.point.name} #{self.nth} ({self.stage})"


@dataclass(frozen=True)
class Scenario:
    """One run."""

    seed: int
    faults: tuple[Fault, ...]
    loss: Loss
    port_taken: bool
    """Whether a stranger listens on the first endpoint port."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of the run: deploy, those in which a fault strikes, and the end."""
        struck = {fault.stage for fault in self.faults}
        end = Stage.ABANDON if Stage.ABANDON in struck else Stage.DOWN
        return tuple(s for s in Stage if s in struck or s in (Stage.DEPLOY, end))


_SHARED = (Target.OTHER_WORKER, Target.CONTROL, Target.DATA, Target.MACHINE)
_WHOLE = (*_SHARED, Target.TEMPORAL, Target.TEMPORAL, Target.SUPERVISOR, Target.SUPERVISOR)
_FREEZABLE = tuple(target for target in Target if target is not Target.SUPERVISOR)
_LONGEST_FROZEN = {Target.MACHINE: 15.0}
"""A client waits longer: what a replica was asked before it stood still, it answers afterwards."""
_ALONE = (Target.CONTROL, Target.DATA, Target.TEMPORAL)
"""Processes whose work nobody else can do: they are not left frozen for long."""


def scenario(seed: int, *, whole: bool = False) -> Scenario:
    """Return the run of a seed.

    Args:
        seed: The seed; those that follow each other begin with different points.
        whole: Whether it runs on the whole stack, of which more can be struck.

    """
    chance = random.Random(f"{seed}/{whole}")
    first = _fault(POINTS[seed % len(POINTS)], None, chance, whole)
    faults = [first]
    if chance.random() < 0.6:
        later = [each for each in POINTS if _stages(each, first.stage)]
        second = _fault(chance.choice(later), first.stage, chance, whole)
        faults += [second] if _can_both_strike(first, second) else []
    return Scenario(seed, tuple(faults), chance.choice(list(Loss)), chance.random() < 0.15)


def covering(count: int) -> list[int]:
    """Return so many seeds which together reach every point, if it can be done."""
    points = {seed: {f.point for f in scenario(seed).faults} for seed in range(1, 600)}
    uncovered, chosen = set(POINTS), list[int]()
    while uncovered and len(chosen) < count:
        best = max(points, key=lambda seed: (len(points[seed] & uncovered), -seed))
        chosen.append(best)
        uncovered -= points.pop(best)
    return sorted([*chosen, *list(points)[: count - len(chosen)]])


def _can_both_strike(first: Fault, second: Fault) -> bool:
    if str(first) == str(second):
        return False
    # The replica that is to be stopped may be the one whose machine is lost: it is not drained.
    same_stage = first.stage is second.stage
    machine_lost = Target.MACHINE in (first.target, second.target)
    drained = "drain_replica" in (first.point.work, second.point.work)
    return not (same_stage and machine_lost and drained)


def _fault(point: Point, since: Stage | None, chance: random.Random, whole: bool) -> Fault:
    stage = chance.choice(_stages(point, since))
    target = _target(point, chance, whole)
    freezes = target in _FREEZABLE and chance.random() < 0.3
    own = target is Target.SELF and point.host is Host.CONTROL
    longest = 4.0 if target in _ALONE or own else _LONGEST_FROZEN.get(target, 20.0)
    return Fault(
        point=point,
        stage=stage,
        nth=chance.randint(1, point.stages[stage]),
        action=Action.FREEZE if freezes else Action.KILL,
        target=target,
        delay=chance.uniform(0.02, 0.4) if point.moment is Moment.DURING else 0,
        frozen_seconds=chance.uniform(1, longest) if freezes else 0,
    )


def _target(point: Point, chance: random.Random, whole: bool) -> Target:
    if chance.random() < (0.4 if whole else 0.6):
        return Target.SELF
    return chance.choice(_WHOLE if whole else _SHARED)


def _stages(point: Point, since: Stage | None) -> list[Stage]:
    """Return the stages in which a point is reached, from one on; a run has only one end."""
    order = list(Stage)
    other_end = {Stage.DOWN: Stage.ABANDON, Stage.ABANDON: Stage.DOWN}.get(since or Stage.DEPLOY)
    begin = order.index(since) if since else 0
    return [s for s in order[begin:] if s in point.stages and s is not other_end]
