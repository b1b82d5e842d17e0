"""One evaluation: all policies together, within the bounds of the time."""

from __future__ import annotations

import zlib

from skyflow.autoscaling.decision import Explanation
from skyflow.autoscaling.delayed import DelayedState, follow_rate
from skyflow.autoscaling.explaining import Change, explained, settling_rule
from skyflow.autoscaling.memory import Memory
from skyflow.autoscaling.observation import Fleet, Observation
from skyflow.autoscaling.opinion import Opinion
from skyflow.autoscaling.reactive import begun, react
from skyflow.autoscaling.scene import Scene, scene_of
from skyflow.autoscaling.schedule import bounds_at
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds
from skyflow.autoscaling.window import extended
from skyflow.records import Record


class Evaluation(Record):
    """How many replicas there should be now, why, and what to remember."""

    target: int
    """Replicas wanted, over-provision included."""
    explanation: Explanation
    memory: Memory


def evaluate(
    settings: AutoscalingSettings,
    memory: Memory,
    observation: Observation | None,
    fleet: Fleet,
    now: float,
) -> Evaluation:
    """Return how many replicas there should be.

    Args:
        settings: What the service says.
        memory: What the evaluation before returned; empty at first. That of other settings is taken
            for an update: the number is found anew at once, from the load that it knows.
        observation: What was seen since then; None if balancers did not answer, which changes
            nothing but what the schedule says.
        fleet: What the service knows of its replicas.
        now: Time (Unix, seconds).

    """
    bounds = bounds_at(settings, now)
    before = _level_before(settings, memory, fleet)
    digest = zlib.crc32(settings.model_dump_json().encode())
    last_rule = memory.rule if memory.settings == digest else None
    opinions: tuple[Opinion, ...] = ()
    if observation is not None:
        scene, memory = _seen(settings, memory, observation, fleet, bounds, digest, now)
        opinions, memory = _followed(scene, memory, before)
    change = Change(
        settings=settings,
        bounds=bounds,
        opinions=opinions,
        is_seen=observation is not None,
        previous=fleet.target,
        before=before,
        level=bounds.clip(_wanted(settings, opinions, before)),
        last_rule=last_rule,
    )
    kept = {"level": change.level, "rule": settling_rule(change)}
    return Evaluation(
        target=change.target,
        explanation=explained(change),
        memory=memory.model_copy(update=kept),
    )


def _level_before(settings: AutoscalingSettings, memory: Memory, fleet: Fleet) -> int:
    """Return the replicas wanted until now, without over-provision."""
    if memory.level is not None:
        return memory.level
    overprovision = fleet.overprovision
    if overprovision is None:
        overprovision = settings.overprovision
    return max(0, fleet.target - overprovision)


def _seen(
    settings: AutoscalingSettings,
    memory: Memory,
    observation: Observation,
    fleet: Fleet,
    bounds: Bounds,
    digest: int,
    now: float,
) -> tuple[Scene, Memory]:
    """Return what there is to go by, and the memory with it: without rules of other settings."""
    durations = (settings.latency_p95_seconds, settings.first_byte_p95_seconds) != (None, None)
    spans = extended(memory.spans, observation, now, durations=durations)
    is_changed = memory.settings not in (None, digest)
    scene = scene_of(settings, bounds, spans, observation, fleet, now, is_changed=is_changed)
    if memory.settings != digest:
        return scene, Memory(settings=digest, spans=spans)
    return scene, memory.model_copy(update={"spans": spans})


def _followed(scene: Scene, memory: Memory, before: int) -> tuple[tuple[Opinion, ...], Memory]:
    """Return what each rule wants, and what they remember."""
    opinions = []
    delayed, reactive = memory.delayed, memory.reactive
    if scene.settings.follows_qps:
        delayed = delayed or DelayedState(level=before, checked_at=scene.now)
        opinion, delayed = follow_rate(scene, delayed)
        opinions.append(opinion)
    if scene.settings.follows_reactive:
        opinion, reactive = react(scene, reactive or begun(before, scene))
        opinions.append(opinion)
    return tuple(opinions), memory.model_copy(update={"delayed": delayed, "reactive": reactive})


def _wanted(settings: AutoscalingSettings, opinions: tuple[Opinion, ...], before: int) -> int:
    if opinions:
        return max(opinion.level for opinion in opinions)
    # Without anything to follow, the schedule says all: the fewest that it allows.
    return before if settings.follows_qps or settings.follows_reactive else 0
