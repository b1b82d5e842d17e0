"""What counts as orphaned."""

from __future__ import annotations

import pytest

from skyflow.naming import machine_name, parse_machine_name, parse_replica_workflow_id
from skyflow.orphans import (
    HeldPort,
    Orphans,
    OwnedMachine,
    ReplicaId,
    RunningService,
    ServiceId,
    StartedReplica,
    Survey,
    find_orphans,
)
from skyflow.placement.offers import Place

PLACE = Place(cloud="c", region="r", zone="z", instance_type="t")
PORT = HeldPort(service="web", incarnation="aaaa", port=30001)
REPLICA = ReplicaId(service="web", incarnation="aaaa", replica_id=1)


def machine(attempt: int = 2, replica_id: int = 1, incarnation: str = "aaaa") -> OwnedMachine:
    name = machine_name("0000", incarnation, replica_id, 0, attempt)
    return OwnedMachine(name=name, place=PLACE)


def survey(**changes: object) -> Survey:
    """Return a survey of one service with one replica, in which all is well."""
    well = Survey(
        machines=(machine(),),
        files=("aaaa",),
        ports=(PORT,),
        replicas=(REPLICA,),
        services=(
            RunningService(
                service="web",
                incarnation="aaaa",
                port=30001,
                replicas=(StartedReplica(replica_id=1, attempt=2),),
            ),
        ),
    )
    return well.model_copy(update=changes)


def test_where_all_is_well_nothing_is_orphaned() -> None:
    assert not find_orphans(survey()).found


def test_a_machine_of_a_replica_without_a_workflow_is_orphaned() -> None:
    extra = machine(replica_id=7)
    assert find_orphans(survey(machines=(machine(), extra))).machines == (extra,)


@pytest.mark.parametrize(("attempt", "orphaned"), [(1, True), (2, False), (3, False)])
def test_a_machine_of_an_earlier_attempt_is_orphaned(attempt: int, orphaned: bool) -> None:
    assert bool(find_orphans(survey(machines=(machine(attempt),))).machines) is orphaned


def test_a_machine_whose_name_is_not_ours_is_left_alone() -> None:
    named = OwnedMachine(name="skyflow-0000-aaaa-head", place=PLACE)
    assert not find_orphans(survey(machines=(named,))).found


def test_a_replica_that_its_service_believes_to_run_is_lost() -> None:
    found = find_orphans(survey(replicas=(), machines=()))
    assert found == Orphans(lost_replicas=(REPLICA,))


def test_what_a_service_that_no_longer_runs_has_left_is_orphaned() -> None:
    found = find_orphans(survey(services=()))
    assert found == Orphans(
        services=(ServiceId(service="web", incarnation="aaaa"),), replicas=(REPLICA,), ports=(PORT,)
    )


def test_its_files_are_orphaned_once_nothing_of_it_runs() -> None:
    assert find_orphans(survey(services=(), replicas=())).files == ("aaaa",)


def test_an_earlier_incarnation_is_told_from_the_one_that_runs() -> None:
    old = ReplicaId(service="web", incarnation="0000", replica_id=1)
    found = find_orphans(survey(replicas=(old, REPLICA)))
    assert found == Orphans(
        services=(ServiceId(service="web", incarnation="0000"),), replicas=(old,)
    )


@pytest.mark.parametrize("known", [(), (PORT.model_copy(update={"port": 30002}),)])
def test_a_port_that_the_installation_has_forgotten_is_noted_anew(
    known: tuple[HeldPort, ...],
) -> None:
    assert find_orphans(survey(ports=known)).unknown_ports == (PORT,)


def test_only_what_is_orphaned_twice_counts() -> None:
    first = find_orphans(survey(machines=(machine(replica_id=7), machine(replica_id=8))))
    second = find_orphans(survey(machines=(machine(replica_id=8), machine(replica_id=9))))
    assert second.also_in(first).machines == (machine(replica_id=8),)


def test_names_can_be_read_back() -> None:
    made_for = parse_machine_name(machine_name("0a0a", "1b1b", 12, 3, 4))
    assert made_for is not None
    assert (made_for.installation, made_for.incarnation) == ("0a0a", "1b1b")
    assert (made_for.replica_id, made_for.node, made_for.attempt) == (12, 3, 4)
    assert parse_replica_workflow_id("replica/my/web/1b1b/12") == ("my/web", "1b1b", 12)
    assert parse_replica_workflow_id("service/web") is None
