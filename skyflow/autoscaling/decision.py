"""What was decided about the number of replicas, and why: readable by people and by machines."""

from __future__ import annotations

from enum import StrEnum

from skyflow.autoscaling.settings import Bounds
from skyflow.records import Record


class Rule(StrEnum):
    """What settled the number of replicas."""

    STEADY = "steady"
    """Nothing asks for another number."""
    STABLE = "stable window"
    PANIC = "panic window"
    """The load is at least twice what the ready replicas should have."""
    TREND = "rising load"
    """What starts now will be ready only after the learned cold start."""
    DELAY = "delay"
    """The delays of `target_qps_per_replica` are over."""
    WAKE = "request at zero"
    BOUNDS = "bounds"
    SCHEDULE = "schedule"
    OVERPROVISION = "over-provision"
    """Another over-provision, after an update."""


class Reading(Record):
    """One signal: what it was, what it should be, and how many replicas that would take."""

    signal: str
    """`requests per second`, `ongoing requests`, `queue length`, `p95 latency`,
    `p95 time to first byte`."""
    value: float | None
    """None if too little was seen to tell."""
    window_seconds: float
    """Time over which it was taken."""
    target: float
    """What it should be: for each replica, or in seconds."""
    replicas: int
    """Replicas that it asks for, before delays and bounds."""


class Explanation(Record):
    """Why the number of replicas is what it is, or changes."""

    previous: int
    """Replicas wanted before, over-provision included."""
    target: int
    """Replicas wanted now, over-provision included."""
    rule: Rule
    signal: str = ""
    """The signal that asked for most, if any did."""
    readings: tuple[Reading, ...] = ()
    bounds: Bounds
    overprovision: int = 0
    held: str = ""
    """What keeps the number from what the signals ask for, such as "scale-down waits 240 s more";
    empty if nothing does."""

    def text(self) -> str:
        """Return all of it as one line."""
        parts = [f"target {self.previous} -> {self.target}", f"rule: {self.rule.value}"]
        if self.previous == self.target:
            parts[0] = f"target {self.target}"
        parts += [_reading(reading) for reading in self.readings]
        parts.append(f"bounds {self.bounds.least} to {self.bounds.most}")
        if self.overprovision:
            parts.append(f"over-provision {self.overprovision}")
        if self.held:
            parts.append(self.held)
        return "; ".join(parts)


def _reading(reading: Reading) -> str:
    value = "unknown" if reading.value is None else f"{reading.value:.4g}"
    when = f"over {reading.window_seconds:g} s" if reading.window_seconds else "now"
    return (
        f"{reading.signal} {value} {when}, "
        f"should be {reading.target:g}: {reading.replicas} replica{'s' * (reading.replicas != 1)}"
    )
