"""What follows from a replica's state: its machines, and what others are told of it."""

from __future__ import annotations

from skyflow.clouds.base import MachineRequest
from skyflow.contracts import ReplicaState, ReplicaTask, TeardownRequest
from skyflow.naming import machine_name
from skyflow.placement.offers import Refusal
from skyflow.placement.ranking import offer_in_words
from skyflow.state import ReplicaPhase, ReplicaReport


def machine_requests(state: ReplicaState) -> list[MachineRequest]:
    """Return the machines that this attempt asks for, one for each node."""
    settings, place = state.version.settings, state.offer.place
    asked = settings.resources[state.offer.request]
    return [
        MachineRequest(
            name=machine_name(
                state.installation, state.incarnation, state.replica_id, node, state.attempt
            ),
            place=place,
            port=settings.port,
            disk_gib=asked.disk_gib,
            disk_tier=asked.disk_tier,
            network_tier=asked.network_tier,
            image=asked.image(place.region),
            accelerators=state.offer.accelerator_count > 0,
            labels=(*asked.labels, ("skyflow-service", state.service)),
            buckets=asked.buckets,
        )
        for node in range(settings.num_nodes)
    ]


def launch_summary(state: ReplicaState, name: str) -> str:
    """Return what the Temporal web UI shows for the launch of a machine."""
    return f"attempt {state.attempt}: {offer_in_words(state.offer)}, as {name}"


def replica_task(state: ReplicaState) -> ReplicaTask:
    """Return what the activities on its machines are told."""
    return ReplicaTask(
        service=state.service,
        incarnation=state.incarnation,
        replica_id=state.replica_id,
        version=state.version.number,
        spec=state.version.spec,
        nodes=state.nodes,
        attempt=state.attempt,
        gpus_per_node=int(state.offer.accelerator_count),
    )


def readiness_deadline(state: ReplicaState, now: float) -> float:
    """Return the time (Unix, seconds) by which the replica must have been ready once."""
    since = state.starting_since or now
    return since + state.version.settings.initial_delay_seconds


def teardown_request(state: ReplicaState) -> TeardownRequest:
    """Return every machine that this attempt may have started, whether or not it did."""
    return TeardownRequest(
        service=state.service,
        incarnation=state.incarnation,
        replica_id=state.replica_id,
        names=tuple(request.name for request in machine_requests(state)),
        place=state.offer.place,
        nodes=state.nodes,
        spec=state.version.spec,
    )


def replica_report(
    state: ReplicaState, refusal: Refusal | None, outcome: ReplicaPhase | None
) -> ReplicaReport:
    """Return what the service is told."""
    return ReplicaReport(
        incarnation=state.incarnation,
        replica_id=state.replica_id,
        epoch=state.epoch,
        phase=state.phase,
        reason=state.reason,
        endpoint=state.nodes[0].url if state.nodes else None,
        nodes=state.nodes,
        refusal=refusal,
        notice=state.notice,
        outcome=outcome,
    )


def outcome_of_failed_start(kind: str, *, late: bool) -> ReplicaPhase:
    """Return what a replica ends as that could not be started.

    Args:
        kind: What ended the start: the name of an error class, or `Timeout`.
        late: Whether the time in which it must become ready is over.
    """
    if kind == "MachineGone":
        return ReplicaPhase.PREEMPTED
    if kind == "Timeout" and late:
        return ReplicaPhase.FAILED_INITIAL_DELAY
    return ReplicaPhase.FAILED_SETUP
