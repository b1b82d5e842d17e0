"""Counters of services and replicas, as they are told to others."""

from __future__ import annotations

from collections import Counter

from lb.data.replicas import Replica
from lb.data.service import Service
from lb.reports import ReplicaCounters, ServiceCounters


def service_counters(service: Service, listening: bool) -> ServiceCounters:
    """Return the counters of a service as they are now."""
    endpoints = service.endpoints
    draining = {endpoint.replica_id for endpoint in endpoints.draining}
    replicas = [_replica_counters(replica, True) for replica in service.ready]
    for replica in service.leaving:
        if replica.in_flight or replica.id in draining:
            replicas.append(_replica_counters(replica, False))
    return ServiceCounters(
        service=endpoints.service,
        incarnation=endpoints.incarnation,
        generation=endpoints.generation,
        port=endpoints.port,
        listening=listening,
        codes=_by_status(service.codes),
        replicas=tuple(sorted(replicas, key=lambda counters: counters.replica_id)),
    )


def _replica_counters(replica: Replica, ready: bool) -> ReplicaCounters:
    return ReplicaCounters(
        replica_id=replica.id,
        url=replica.url,
        ready=ready,
        in_flight=replica.in_flight,
        requests=replica.requests,
        failures=replica.failures,
        codes=_by_status(replica.codes),
    )


def _by_status(codes: Counter[int]) -> dict[str, int]:
    return {str(code): count for code, count in sorted(codes.items())}
