"""What a service may call itself."""

from __future__ import annotations

from collections.abc import Sequence

from skyflow.state import ReplicaPhase, ReplicaRecord, ServicePhase


def service_phase(
    *,
    stopping: bool,
    has_port: bool,
    failed: bool,
    was_ready: bool,
    serving: bool,
    target: int,
    replicas: Sequence[ReplicaRecord],
) -> ServicePhase:
    """Return the phase of a service.

    Args:
        stopping: It was asked to end.
        has_port: Its endpoint port is known.
        failed: Its version never became ready and is no longer tried.
        was_ready: A replica of its version has been ready.
        serving: A balancer has said that it sends requests to a replica.
        target: Number of replicas wanted.
        replicas: The replicas that exist.

    """
    if stopping:
        return ServicePhase.SHUTTING_DOWN
    if failed:
        return ServicePhase.FAILED
    if not has_port:
        return ServicePhase.CONTROLLER_INIT
    if serving and any(
        replica.live and replica.phase is ReplicaPhase.READY for replica in replicas
    ):
        return ServicePhase.READY
    nothing_comes = target == 0 and not any(replica.live for replica in replicas)
    return ServicePhase.NO_REPLICA if was_ready or nothing_comes else ServicePhase.REPLICA_INIT
