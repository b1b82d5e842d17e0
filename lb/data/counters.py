"""Counters of services and replicas, as they are told to others: JSON of lb/reports.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lb.data.replicas import Replica
from lb.data.service import Service
from skyflow.histograms import Histogram

Values = dict[str, Any]


def service_counters(service: Service, listening: bool) -> Values:
    """Return the counters of a service as they are now: a `ServiceCounters`."""
    endpoints = service.endpoints
    service.measures.settle()
    draining = {endpoint.replica_id for endpoint in endpoints.draining}
    replicas = [_replica_counters(replica, True) for replica in service.ready]
    for replica in service.leaving:
        if replica.in_flight or replica.id in draining:
            replicas.append(_replica_counters(replica, False))
    return {
        "service": endpoints.service,
        "incarnation": endpoints.incarnation,
        "started_at": endpoints.started_at,
        "generation": endpoints.generation,
        "port": endpoints.port,
        "listening": listening,
        "codes": _by_status(service.measures.requests[None]),
        "replicas": sorted(replicas, key=lambda counters: counters["replica_id"]),
        "load": service_load(service),
        "requests": {
            "" if replica_id is None else str(replica_id): _by_status(answers)
            for replica_id, answers in service.measures.requests.items()
        },
    }


def service_load(service: Service) -> Values:
    """Return what is asked of a service as it is now: a `ServiceLoad` (skyflow/load.py)."""
    measures = service.measures
    measures.settle()
    in_flight: dict[int, int] = {}
    for replica in (*service.ready, *service.leaving):
        if number := replica.in_flight:
            # A replica that came back at another address is there twice for a while.
            in_flight[replica.id] = in_flight.get(replica.id, 0) + number
    return {
        "service": service.endpoints.service,
        "incarnation": service.endpoints.incarnation,
        "arrived": measures.arrivals,
        "ended": measures.finished,
        "retries": measures.retries,
        "ejections": measures.ejections,
        "prompt_tokens": measures.prompt_tokens,
        "completion_tokens": measures.completion_tokens,
        "latency": _durations(measures.latency),
        "first_byte": _durations(measures.first_byte),
        "queue_wait": _durations(measures.queue_wait),
        "stream": _durations(measures.stream),
        "ready_replicas": measures.ready,
        "in_flight": sum(in_flight.values()),
        "queued": len(service.admission),
        "oldest_wait_seconds": service.admission.longest_wait,
        "replica_in_flight": in_flight,
    }


def _durations(histogram: Histogram) -> Values:
    return {"counts": histogram.counts, "microseconds": histogram.microseconds}


def _replica_counters(replica: Replica, ready: bool) -> Values:
    return {
        "replica_id": replica.id,
        "url": replica.url,
        "ready": ready,
        "in_flight": replica.in_flight,
        "requests": replica.requests,
        "failures": replica.failures,
        "codes": _by_status(replica.codes),
    }


def _by_status(codes: Mapping[int, int]) -> dict[str, int]:
    return {str(code): count for code, count in sorted(codes.items())}
