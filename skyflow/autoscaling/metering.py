"""From what balancers have counted so far to what happened between two looks."""

from __future__ import annotations

from collections.abc import Sequence

from skyflow.autoscaling.observation import Counts, Observation
from skyflow.autoscaling.progress import LoadProgress, Seen
from skyflow.load import LoadReport, ServiceLoad

FIRST_SECONDS = 1.0
"""What a first look counts for: there is nothing to compare it with."""
_ABSENT_KEPT = 16
"""Processes that are remembered without answering: one that is only slow will answer again."""


def observe(
    progress: LoadProgress, report: LoadReport, service: str, incarnation: str, now: float
) -> tuple[Observation, LoadProgress]:
    """Return what happened since the last look, and the progress with this one.

    What a process that was not seen before has counted came since the last look, for it began
    after that; at the first look of all nothing is known of when it came, and nothing is counted.

    Args:
        progress: How far the watch is.
        report: What all balancers have counted until now.
        service: Name of the service.
        incarnation: Of the service.
        now: Time (Unix, seconds) of this look.

    """
    loads = _loads(report, service, incarnation)
    seen = {process: _seen(load) for process, load in loads.items()}
    first = progress.seen_at is None
    before = seen if first else progress.seen
    news = [_since(seen[process], before.get(process, Seen())) for process in sorted(seen)]
    total = report.total(service, incarnation)
    observation = Observation(
        at=now,
        seconds=FIRST_SECONDS if first else max(now - (progress.seen_at or 0), 1e-3),
        arrived=sum(each.arrived for each in news),
        in_flight=total.in_flight,
        queued=total.queued,
        ready=total.ready_replicas,
        latency=_added([each.latency for each in news]),
        first_byte=_added([each.first_byte for each in news]),
    )
    absent = [process for process in progress.seen if process not in seen][-_ABSENT_KEPT:]
    remembered = {**{process: progress.seen[process] for process in absent}, **seen}
    return observation, progress.model_copy(update={"seen": remembered, "seen_at": now})


def _loads(report: LoadReport, service: str, incarnation: str) -> dict[str, ServiceLoad]:
    return {
        process.process: load
        for process in report.processes
        for load in process.services
        if (load.service, load.incarnation) == (service, incarnation)
    }


def _seen(load: ServiceLoad) -> Seen:
    return Seen(
        arrived=load.arrived,
        latency=_sparse(load.latency.counts),
        first_byte=_sparse(load.first_byte.counts),
    )


def _since(now: Seen, before: Seen) -> Seen:
    return Seen(
        arrived=now.arrived - before.arrived,
        latency=_less(now.latency, before.latency),
        first_byte=_less(now.first_byte, before.first_byte),
    )


def _sparse(counts: Sequence[int]) -> Counts:
    return {bucket: count for bucket, count in enumerate(counts) if count}


def _less(now: Counts, before: Counts) -> Counts:
    grown = {bucket: count - before.get(bucket, 0) for bucket, count in now.items()}
    return {bucket: count for bucket, count in grown.items() if count}


def _added(parts: Sequence[Counts]) -> Counts:
    buckets = sorted({bucket for part in parts for bucket in part})
    return {bucket: sum(part.get(bucket, 0) for part in parts) for bucket in buckets}
