"""One turn of a service: compare what is with what is wanted, and start what is missing."""

from __future__ import annotations

from skyflow.rollout.interruptions import interrupted_replicas
from skyflow.rollout.replicas import missing_replicas, surplus_replicas
from skyflow.state import ReplicaPhase, ReplicaRecord
from workflows.service_effects import ServiceEffects
from workflows.service_endpoints import refresh_endpoints
from workflows.service_state import ServiceState


def reconcile(state: ServiceState, effects: ServiceEffects, now: float) -> None:
    """Start every effect that the state calls for; doing so twice is harmless."""
    _remove_surplus(state, now)
    _remove_interrupted(state, now)
    _add_missing(state, now)
    refresh_endpoints(state)
    _publish(state, effects, now)
    _place(state, effects, now)
    _stop_leaving(state, effects)
    effects.follow_load()
    if state.stop is not None and not state.replicas:
        effects.finish()


def next_deadline(state: ServiceState, now: float) -> float | None:
    """Return the time (Unix, seconds) at which to reconcile although nothing changed."""
    deadlines = [state.balancer_retry_at[b] for b in _unpublished(state)]
    if _may_start(state) and missing_replicas(state.target, tuple(state.replicas.values())):
        deadlines.append(state.next_start_at)
    if _waiting(state):
        deadlines.append(state.place_again_at)
    return min((deadline for deadline in deadlines if deadline > now), default=None)


def _remove_surplus(state: ServiceState, now: float) -> None:
    target = 0 if state.stop is not None else state.target
    surplus_ids = surplus_replicas(
        target,
        tuple(state.replicas.values()),
        state.in_flight,
        state.version.settings.qps_by_accelerator,
    )
    for replica_id in surplus_ids:
        phase = state.replicas[replica_id].phase.value
        surplus = f"more replicas than the target of {target}; this one is {phase}"
        state.retire(replica_id, state.stop.reason if state.stop else surplus, now)


def _remove_interrupted(state: ServiceState, now: float) -> None:
    for replica_id in interrupted_replicas(tuple(state.replicas.values())):
        why = f"interruption notice: {state.replicas[replica_id].notice}"
        state.retire(replica_id, why, now, ReplicaPhase.PREEMPTED)


def _add_missing(state: ServiceState, now: float) -> None:
    if not _may_start(state) or now < state.next_start_at:
        return
    missing = missing_replicas(state.target, tuple(state.replicas.values()))
    for _ in range(missing):
        record = state.add_replica(now)
        state.decide(
            now, "start", f"fewer replicas than the target of {state.target}", record.replica_id
        )


def _may_start(state: ServiceState) -> bool:
    return state.stop is None and not state.unproven_and_exhausted


def _publish(state: ServiceState, effects: ServiceEffects, now: float) -> None:
    if state.slot is None:
        effects.reserve()
        return
    for balancer in _behind(state):
        if now >= state.balancer_retry_at.get(balancer, 0):
            effects.publish(balancer)


def _place(state: ServiceState, effects: ServiceEffects, now: float) -> None:
    if _waiting(state) and now >= state.place_again_at:
        effects.place()


def _stop_leaving(state: ServiceState, effects: ServiceEffects) -> None:
    unreached = [b for b in _behind(state) if b in state.reachable_balancers]
    for record in tuple(state.replicas.values()):
        if not record.leaving or record.stop_sent or record.attempt == 0:
            continue
        if record.ready_at is None or not unreached:
            effects.stop_replica(record.replica_id)


def _behind(state: ServiceState) -> list[str]:
    """Return the balancers that do not serve the current endpoint set yet."""
    if state.slot is None or state.endpoint_set is None:
        return []
    generation = state.endpoint_set.generation
    return [b for b in state.balancers if state.published.get(b, 0) < generation]


def _unpublished(state: ServiceState) -> list[str]:
    return [b for b in _behind(state) if b in state.balancer_retry_at]


def _waiting(state: ServiceState) -> list[ReplicaRecord]:
    """Return the replicas that wait for an offer."""
    return [r for r in state.replicas.values() if r.live and r.offer is None]
