"""What was seen of a service in one short interval."""

from __future__ import annotations

from pydantic import Field

from skyflow.records import Record

Counts = dict[int, int]
"""A sparse histogram: number of durations by bucket (skyflow/histograms.py)."""


class Observation(Record):
    """Load of a service between two looks at all its balancers, all of them together."""

    at: float
    """Time (Unix, seconds) of the second look."""
    seconds: float
    """Time since the first one. Greater than usual if a balancer did not answer in between."""
    arrived: int = 0
    """Requests that came in between."""
    in_flight: int = 0
    """Requests that replicas work on at the second look."""
    queued: int = 0
    """Requests that wait for a replica at the second look."""
    ready: int = 0
    """Replicas that get requests at the second look."""
    latency: Counts = Field(default={})
    """Durations of the requests that ended in between, from their head to the end of the answer."""
    first_byte: Counts = Field(default={})
    """From the head of a request to the first byte of its answer, of answers begun in between."""

    @property
    def work(self) -> int:
        """Requests that are there at once: those being worked on and those that wait."""
        return self.in_flight + self.queued


class Fleet(Record):
    """What the service knows of its replicas."""

    target: int
    """Replicas wanted now, over-provision included."""
    capacities: tuple[float, ...] = ()
    """Requests per second that each live replica can take, of services whose replicas differ;
    in the order in which they would be kept if there were too many."""
    cold_start_seconds: float | None = None
    """Learned time from the start of a replica to its first successful probe; None if unknown."""
    overprovision: int | None = None
    """How many of `target` are over-provision; those of the settings if None. They differ only
    after an update, and count only with an empty memory."""
