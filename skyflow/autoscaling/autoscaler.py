"""One evaluation: all policies together, within the bounds of the time."""

from __future__ import annotations

from skyflow.autoscaling.decision import Explanation
from skyflow.autoscaling.memory import Memory
from skyflow.autoscaling.observation import Fleet, Observation
from skyflow.autoscaling.settings import AutoscalingSettings
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
        memory: What the evaluation before returned; empty at first.
        observation: What was seen since then; None if balancers did not answer, which changes
            nothing but what the schedule says.
        fleet: What the service knows of its replicas.
        now: Time (Unix, seconds).

    """
    raise NotImplementedError
