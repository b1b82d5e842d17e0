"""What was seen lately, kept small: the last seconds each, older ones five at a time."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from skyflow.autoscaling.observation import Counts, Observation
from skyflow.records import Record

STABLE_SECONDS = 60.0
"""Time over which load is averaged: SkyServe's window for requests per second, and Knative's
`stable-window`."""
PANIC_SECONDS = 6.0
"""Time over which a sudden load is averaged: Knative's `panic-window-percentage` of 10 %."""

_RECENT_SECONDS = 10.0
_OLD_SPAN_SECONDS = 5.0
_RECENT_SPAN_SECONDS = 1.0
# An interval of no length would have no weight.
_SHORTEST_SECONDS = 0.001
# Two requests within a millisecond of a start are not 2000 a second.
_LEAST_OBSERVED_SECONDS = 1.0


class Span(Record):
    """Load during one interval."""

    at: float
    """Its end (Unix, seconds)."""
    seconds: float
    arrived: int = 0
    work: float = 0
    """Requests that were there at once, on average."""
    on_replicas: float = 0
    """Those of them that replicas worked on."""
    ended: int = 0
    """Requests that replicas have answered."""
    latency: Counts = Field(default={})
    first_byte: Counts = Field(default={})


@dataclass(frozen=True, slots=True)
class Load:
    """What spans say of a window."""

    seconds: float
    """Time of it that was observed; less than the window soon after a start."""
    arrived: float
    work: float
    """Requests at once, on average."""
    on_replicas: float = 0.0
    """Those of them that replicas worked on."""
    ended: float = 0.0
    """Requests that replicas have answered."""

    @property
    def per_second(self) -> float:
        """Requests that came per second."""
        return self.arrived / max(self.seconds, _LEAST_OBSERVED_SECONDS)


def extended(
    spans: tuple[Span, ...], observation: Observation, now: float, *, durations: bool
) -> tuple[Span, ...]:
    """Return spans with an observation added, without those that left the stable window.

    Args:
        spans: Oldest first.
        observation: What was seen since the last of them.
        now: Time (Unix, seconds).
        durations: Whether to keep how long requests took, which nothing else needs.

    """
    live = [span for span in spans if now - STABLE_SECONDS < span.at <= now]
    live.append(_span(observation, now, durations=durations))
    kept: list[Span] = []
    for span in live:
        is_old = span.at <= now - _RECENT_SECONDS
        longest = _OLD_SPAN_SECONDS if is_old else _RECENT_SPAN_SECONDS
        if kept and kept[-1].seconds + span.seconds <= longest:
            kept[-1] = _merged(kept[-1], span)
        else:
            kept.append(span)
    return tuple(kept)


def load_over(spans: tuple[Span, ...], now: float, seconds: float) -> Load:
    """Return the load of the last seconds; a span partly within counts for that part."""
    observed = arrived = work = on_replicas = ended = 0.0
    begin = now - seconds
    for span in spans:
        within = min(span.seconds, span.at - begin)
        if within <= 0:
            continue
        observed += within
        arrived += span.arrived * within / span.seconds
        ended += span.ended * within / span.seconds
        work += span.work * within
        on_replicas += span.on_replicas * within
    observed_or_one = observed or 1.0
    return Load(observed, arrived, work / observed_or_one, on_replicas / observed_or_one, ended)


def _span(observation: Observation, now: float, *, durations: bool) -> Span:
    return Span(
        # What is said to come from the future would outlive the window.
        at=min(observation.at, now),
        seconds=max(observation.seconds, _SHORTEST_SECONDS),
        arrived=observation.arrived,
        work=observation.work,
        on_replicas=observation.in_flight,
        ended=sum(observation.latency.values()),
        latency=observation.latency if durations else {},
        first_byte=observation.first_byte if durations else {},
    )


def _merged(one: Span, other: Span) -> Span:
    seconds = one.seconds + other.seconds
    return Span(
        at=other.at,
        seconds=seconds,
        arrived=one.arrived + other.arrived,
        work=(one.work * one.seconds + other.work * other.seconds) / seconds,
        on_replicas=(one.on_replicas * one.seconds + other.on_replicas * other.seconds) / seconds,
        ended=one.ended + other.ended,
        latency=added([one.latency, other.latency]),
        first_byte=added([one.first_byte, other.first_byte]),
    )


def added(histograms: list[Counts]) -> Counts:
    """Return several sparse histograms as one."""
    total: Counts = {}
    for counts in histograms:
        for bucket, count in counts.items():
            total[bucket] = total.get(bucket, 0) + count
    return total
