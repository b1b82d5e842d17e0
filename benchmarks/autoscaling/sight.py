"""What an autoscaler is told, and what it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sight:
    """What balancer and fleet tell at one look."""

    now: float
    """Seconds from the start of the trace."""
    seconds: float
    """Since the look before."""
    arrived: int
    """Requests that came since then."""
    in_flight: int
    """Requests on replicas now."""
    queued: int
    """Requests that wait for a replica now."""
    mean_work: float
    """Requests that were there at once since the look before, on average over time."""
    ready: int
    """Replicas that take requests now."""
    target: int
    """Replicas wanted until now."""
    cold_start_seconds: float | None = None
    """From launch to ready, the median of replicas so far."""
    first_byte: dict[int, int] = field(default_factory=dict)
    """Times to first byte since the look before, by bucket of skyflow/histograms.py."""
    latency: dict[int, int] = field(default_factory=dict)
    """Times to the end of answers, likewise."""

    @property
    def work(self) -> int:
        """Requests that are there now."""
        return self.in_flight + self.queued


class Autoscaler(Protocol):
    """A rule with its state."""

    period: float
    """Seconds between two looks."""

    def decide(self, sight: Sight) -> int:
        """Return how many replicas there should be from now on."""
        ...
