"""How a service's state takes in what replicas report."""

from __future__ import annotations

from skyflow.contracts import ApplyRequest, Slot
from skyflow.state import QueueLimits, ReplicaPhase, ReplicaReport, ServicePhase
from tests.workflows.harness import version
from tests.workflows.world import offer
from workflows.service_endpoints import refresh_endpoints
from workflows.service_state import ServiceState
from workflows.service_status import service_status

URL = "http://127.0.0.1:8080"


def state(replicas: int = 1) -> ServiceState:
    request = ApplyRequest(installation="i", version=version(replicas), incarnation="now")
    fresh = ServiceState.begin(request, "demo", 0)
    fresh.slot = Slot(port=30001, balancers=("main",))
    for _ in range(replicas):
        record = fresh.add_replica(0)
        fresh.assign(record.replica_id, offer(), 0)
    return fresh


def report(
    epoch: int,
    phase: ReplicaPhase,
    outcome: ReplicaPhase | None = None,
    incarnation: str = "now",
) -> ReplicaReport:
    return ReplicaReport(
        incarnation=incarnation,
        replica_id=1,
        epoch=epoch,
        phase=phase,
        endpoint=URL,
        reason="why",
        outcome=outcome,
    )


def test_a_report_that_is_not_newer_changes_nothing() -> None:
    service = state()
    service.absorb(report(2, ReplicaPhase.READY), 10, 0)
    service.absorb(report(2, ReplicaPhase.NOT_READY), 11, 0)
    service.absorb(report(1, ReplicaPhase.STARTING), 12, 0)
    assert service.replicas[1].phase is ReplicaPhase.READY


def test_a_report_of_an_earlier_incarnation_changes_nothing() -> None:
    service = state()
    service.absorb(report(5, ReplicaPhase.READY, incarnation="before"), 10, 0)
    assert service.replicas[1].phase is ReplicaPhase.PENDING


def test_a_failure_is_counted_once_although_it_is_reported_twice() -> None:
    service = state()
    failed = ReplicaPhase.FAILED
    service.absorb(report(1, ReplicaPhase.SHUTTING_DOWN, failed), 10, 0.5)
    service.absorb(report(2, failed, failed), 11, 0.5)
    assert service.failures == 1
    assert service.next_start_at == 11
    assert service.replicas == {}
    assert [r.phase for r in service.ended] == [failed]


def test_the_loss_of_a_replica_that_was_ready_for_long_is_no_failure_in_a_row() -> None:
    service = state()
    service.absorb(report(1, ReplicaPhase.READY), 10, 0)
    service.absorb(report(2, ReplicaPhase.SHUTTING_DOWN, ReplicaPhase.PREEMPTED), 100, 0.5)
    assert service.failures == 0
    assert service.next_start_at == 100


def test_a_replica_that_was_told_to_go_is_no_failure() -> None:
    service = state()
    service.change(1, leaving=True)
    service.absorb(report(1, ReplicaPhase.SHUTTING_DOWN, ReplicaPhase.FAILED), 10, 0)
    assert service.failures == 0


def test_the_generation_grows_only_with_a_change() -> None:
    service = state()
    assert refresh_endpoints(service)
    assert not refresh_endpoints(service)
    service.absorb(report(1, ReplicaPhase.READY), 10, 0)
    assert refresh_endpoints(service)
    assert service.endpoint_set is not None
    assert service.endpoint_set.generation == 2
    assert [e.url for e in service.endpoint_set.endpoints] == [URL]


def test_the_limits_of_a_version_are_told_to_balancers() -> None:
    service = state()
    queue = QueueLimits(max_requests=5, max_wait_seconds=6)
    limits = {"timeout_seconds": 3.0, "max_concurrency": 4, "queue": queue}
    settings = service.version.settings.model_copy(update=limits)
    service.version = service.version.model_copy(update={"settings": settings})
    assert refresh_endpoints(service)
    assert service.endpoint_set is not None
    assert {name: getattr(service.endpoint_set, name) for name in limits} == limits


def test_a_leaving_replica_drains_and_a_dead_one_is_gone() -> None:
    service = state()
    service.absorb(report(1, ReplicaPhase.READY), 10, 0)
    service.change(1, leaving=True)
    refresh_endpoints(service)
    assert service.endpoint_set is not None
    assert (service.endpoint_set.endpoints, len(service.endpoint_set.draining)) == ((), 1)
    service.absorb(report(2, ReplicaPhase.SHUTTING_DOWN, ReplicaPhase.TERMINATED), 11, 0)
    refresh_endpoints(service)
    assert service.endpoint_set.draining == ()


def test_a_version_that_was_never_ready_is_given_up_when_nothing_of_it_is_left() -> None:
    service = state(replicas=2)
    service.failures = 2
    failed = ReplicaPhase.FAILED_SETUP
    service.absorb(report(1, ReplicaPhase.SHUTTING_DOWN, failed), 10, 0)
    assert service.unproven_and_exhausted
    assert service_status(service, 0).phase is ServicePhase.REPLICA_INIT
    service.change(2, outcome=failed)
    assert service_status(service, 0).phase is ServicePhase.FAILED


def test_the_state_survives_serialisation() -> None:
    service = state(replicas=2)
    service.absorb(report(1, ReplicaPhase.READY), 10, 0)
    refresh_endpoints(service)
    assert ServiceState.model_validate_json(service.model_dump_json()) == service


def test_a_service_that_was_removed_is_not_published_again() -> None:
    ending = state()
    assert refresh_endpoints(ending, removed=True)
    assert not refresh_endpoints(ending)
    assert ending.endpoint_set is not None
    assert ending.endpoint_set.removed


def test_what_replicas_can_take_and_how_they_are_balanced_reaches_the_balancer() -> None:
    service = state(2)
    settings = service.version.settings.model_copy(
        update={
            "load_balancing_policy": "instance_aware_least_load",
            "qps_by_accelerator": {"L4": 2.0, "H100": 9.0},
            "session_header": "X-Session",
            "slow_start_seconds": 5,
        }
    )
    service.version = service.version.model_copy(update={"settings": settings})
    strong = offer().model_copy(update={"accelerator": "H100", "accelerator_count": 1})
    service.change(1, offer=strong, phase=ReplicaPhase.READY, endpoint=URL)
    service.change(2, phase=ReplicaPhase.READY, endpoint=URL)
    refresh_endpoints(service)
    published = service.endpoint_set
    assert published is not None
    assert [endpoint.capacity for endpoint in published.endpoints] == [9, 2]
    assert [endpoint.weight for endpoint in published.endpoints] == [1, 1]
    assert (published.session_header, published.slow_start_seconds) == ("X-Session", 5)
