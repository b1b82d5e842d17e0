"""What a service says of itself."""

from __future__ import annotations

from skyflow import API_VERSION
from skyflow.rollout.phase import service_phase
from skyflow.state import ServicePhase, ServiceStatus
from workflows.service_state import ServiceState


def service_status(
    state: ServiceState, now: float, phase: ServicePhase | None = None
) -> ServiceStatus:
    """Return the status that follows from a state, in a phase other than its own if one is given.

    Args:
        state: What the service knows.
        now: Time (Unix, seconds).
        phase: What the service is called; by default what follows from the state.

    """
    return ServiceStatus(
        api_version=API_VERSION,
        service=state.service,
        incarnation=state.incarnation,
        phase=phase or _phase(state),
        reason=state.reason,
        version=state.version.number,
        spec_digest=state.version.spec.digest,
        target=state.target,
        port=state.slot.port if state.slot else None,
        started_at=state.started_at,
        load_balancing_policy=state.version.settings.load_balancing_policy,
        resources=state.version.settings.resources,
        autoscaling=state.version.settings.autoscaling,
        bounds=state.bounds_in_force,
        held=state.held,
        replicas=(*state.replicas.values(), *state.ended),
        updated_at=now,
    )


def _phase(state: ServiceState) -> ServicePhase:
    return service_phase(
        stopping=state.stop is not None,
        has_port=state.slot is not None,
        failed=state.failed,
        was_ready=state.was_ready and state.served,
        serving=state.serving,
        target=state.target,
        replicas=tuple(state.replicas.values()),
    )
