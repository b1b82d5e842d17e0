"""What balancers are told of a service: no effects, no clock."""

from __future__ import annotations

from skyflow.placement.capacity import capacity
from skyflow.state import Endpoint, EndpointSet, ReplicaPhase
from workflows.service_state import ServiceState


def refresh_endpoints(state: ServiceState, *, removed: bool = False) -> bool:
    """Bring the endpoint set up to date; return whether it changed. A removal is final."""
    if state.slot is None:
        return False
    before = state.endpoint_set
    settings = state.version.settings
    fresh = EndpointSet(
        service=state.service,
        incarnation=state.incarnation,
        started_at=state.started_at,
        generation=before.generation if before else 0,
        port=state.slot.port,
        load_balancing_policy=settings.load_balancing_policy,
        slow_start_seconds=settings.slow_start_seconds,
        prefix_bytes=settings.prefix_bytes,
        session_header=settings.session_header,
        retry=settings.retry,
        stream_timeout_seconds=settings.stream_timeout_seconds,
        timeout_seconds=settings.timeout_seconds,
        max_concurrency=settings.max_concurrency,
        queue=settings.queue,
        cold_start_seconds=state.cold_start_seconds,
        access_log=settings.access_log,
        endpoints=_endpoints(state, leaving=False),
        draining=_endpoints(state, leaving=True),
        removed=removed or (before is not None and before.removed),
    )
    if fresh == before:
        return False
    state.endpoint_set = fresh.model_copy(update={"generation": fresh.generation + 1})
    return True


def _endpoints(state: ServiceState, *, leaving: bool) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(
            replica_id=record.replica_id,
            url=record.endpoint,
            capacity=capacity(record.offer, state.version.settings.qps_by_accelerator),
        )
        for record in state.replicas.values()
        if record.endpoint
        and record.leaving is leaving
        and record.outcome is None
        and (leaving or record.phase is ReplicaPhase.READY)
    )
