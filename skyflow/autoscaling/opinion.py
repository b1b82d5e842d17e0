"""What one rule makes of the load."""

from __future__ import annotations

from dataclasses import dataclass

from skyflow.autoscaling.decision import Reading, Rule


@dataclass(frozen=True, slots=True)
class Opinion:
    """How many replicas a rule wants, and why."""

    level: int
    """Replicas that it wants, within the bounds and without over-provision."""
    moved: bool
    """Whether it wants another number than before."""
    rule: Rule
    readings: tuple[Reading, ...]
    held: str = ""
    """What keeps its level from what the readings ask for."""


def waits(direction: str, seconds: float) -> str:
    """Return how much longer a change waits, in whole seconds."""
    return f"scale-{direction} waits {max(1, round(seconds))} s more"
