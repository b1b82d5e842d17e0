"""How many replicas to start, which to stop, when, and what a service may call itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skyflow.placement.offers import Offer, Place
from skyflow.rollout.backoff import LONGEST_SECONDS, failures_after, replacement_delay
from skyflow.rollout.interruptions import interrupted_replicas
from skyflow.rollout.phase import service_phase
from skyflow.rollout.replicas import missing_replicas, surplus_replicas
from skyflow.state import ReplicaPhase, ReplicaRecord, ServicePhase

READY, STARTING = ReplicaPhase.READY, ReplicaPhase.STARTING


def replica(number: int, phase: ReplicaPhase = READY, price: float = 1, version: int = 1,
            leaving: bool = False) -> ReplicaRecord:  # fmt: skip
    place = Place(cloud="c", region="r", zone="z", instance_type="t")
    return ReplicaRecord(
        replica_id=number,
        version=version,
        phase=phase,
        offer=Offer(place=place, hourly_price=price, cpus=1, memory_gib=1),
        leaving=leaving,
    )


fleets = st.lists(
    st.tuples(st.sampled_from([READY, STARTING, ReplicaPhase.NOT_READY]), st.booleans()),
    max_size=12,
).map(lambda rows: [replica(n, phase, leaving=gone) for n, (phase, gone) in enumerate(rows)])


@given(st.integers(0, 15), fleets)
def test_starting_the_missing_and_stopping_the_surplus_reaches_the_target(
    target: int, fleet: list[ReplicaRecord]
) -> None:
    live = sum(r.live for r in fleet)
    missing, surplus = missing_replicas(target, fleet), surplus_replicas(target, fleet)
    assert live + missing - len(surplus) == target
    assert not (missing and surplus)
    assert len(set(surplus)) == len(surplus)


def test_what_does_not_serve_is_stopped_first_then_the_old_the_dear_and_the_young() -> None:
    fleet = [
        replica(1, READY),
        replica(2, READY, price=3),
        replica(3, READY),
        replica(4, STARTING, version=2),
        replica(5, READY, version=2),
    ]
    assert surplus_replicas(0, fleet) == (4, 2, 3, 1, 5)


@given(st.integers(1, 60), st.floats(0, 1))
def test_delays_grow_within_their_bounds(failures: int, jitter: float) -> None:
    delay = replacement_delay(failures, jitter)
    assert 0.5 <= delay <= 1.5 * LONGEST_SECONDS
    assert replacement_delay(failures + 1, jitter) >= delay


def test_the_loss_of_a_proven_replica_is_made_good_at_once() -> None:
    failed, preempted = ReplicaPhase.FAILED, ReplicaPhase.PREEMPTED
    assert failures_after(5, failed, ready_for=61) == 0
    assert failures_after(5, preempted, ready_for=1) == 0
    assert replacement_delay(0, 1.0) == 0
    assert failures_after(5, failed, ready_for=1) == 6
    assert failures_after(5, preempted, ready_for=None) == 6


def test_a_service_is_ready_with_one_ready_replica() -> None:
    def phase(
        *replicas: ReplicaRecord, was_ready: bool = False, serving: bool = True, target: int = 1
    ) -> ServicePhase:
        return service_phase(
            stopping=False,
            has_port=True,
            failed=False,
            was_ready=was_ready,
            serving=serving,
            target=target,
            replicas=replicas,
        )

    assert phase(replica(1), replica(2, STARTING)) is ServicePhase.READY
    assert phase(replica(1, leaving=True)) is ServicePhase.REPLICA_INIT
    assert phase(replica(1, STARTING), was_ready=True) is ServicePhase.NO_REPLICA
    assert phase(target=0) is ServicePhase.NO_REPLICA
    assert phase(replica(1), serving=False) is ServicePhase.REPLICA_INIT


def noticed(number: int, phase: ReplicaPhase = READY) -> ReplicaRecord:
    return replica(number, phase).model_copy(update={"notice": "preemption"})


def test_a_replica_with_a_notice_is_replaced_before_it_goes() -> None:
    fleet = [noticed(1)]
    assert missing_replicas(1, fleet) == 1
    assert interrupted_replicas(fleet) == ()
    assert interrupted_replicas([*fleet, replica(2, STARTING)]) == ()
    assert interrupted_replicas([*fleet, replica(2)]) == (1,)
    assert interrupted_replicas([*fleet, noticed(2)]) == ()


def test_a_replica_with_a_notice_that_does_not_serve_goes_at_once() -> None:
    assert interrupted_replicas([noticed(1, STARTING)]) == (1,)


def test_a_replica_with_a_notice_is_no_reason_to_stop_another() -> None:
    assert surplus_replicas(1, [noticed(1), replica(2)]) == ()
    assert surplus_replicas(0, [noticed(1), replica(2)]) == (2, 1)
