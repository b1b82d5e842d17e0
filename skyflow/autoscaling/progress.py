"""How far the watch of a service's load is: kept in its heartbeats, and handed to the next one."""

from __future__ import annotations

from pydantic import Field

from skyflow.autoscaling.decision import Explanation
from skyflow.autoscaling.memory import Memory
from skyflow.autoscaling.observation import Counts
from skyflow.records import Record


class Seen(Record):
    """What one process of a balancer had counted of a service at the last look."""

    arrived: int = 0
    latency: Counts = Field(default={})
    first_byte: Counts = Field(default={})


class LoadProgress(Record):
    """Everything that is carried from one look at the load to the next."""

    seen: dict[str, Seen] = Field(default={})
    """By process of the balancers."""
    seen_at: float | None = None
    """Time (Unix, seconds) of that look; None if there was none."""
    memory: Memory = Memory()
    explanation: Explanation | None = None
    """Of the last evaluation."""
