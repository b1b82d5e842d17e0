"""A service reaches what was asked for, keeps it, and ends leaving nothing."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from skyflow.contracts import MEMO_STATUS, Balancers, Message, ScaleRequest
from skyflow.state import ReplicaPhase, ServicePhase, ServiceStatus
from tests.waiting import eventually
from tests.workflows.harness import Controller, version
from tests.workflows.world import offer


async def test_two_replicas_become_ready_and_are_published(controller: Controller) -> None:
    outcome = await controller.apply(version(replicas=2))
    await controller.until_serving(1, 2)
    status = await controller.until_phase(ServicePhase.READY)
    assert outcome.changed
    assert [r.phase for r in status.replicas] == [ReplicaPhase.READY] * 2
    assert sorted(controller.world.machines) == [
        f"skyflow-0000aaaa-{outcome.incarnation}-{n}-0-1" for n in (1, 2)
    ]


async def test_the_memo_mirrors_the_status(controller: Controller) -> None:
    await controller.apply(version())
    await controller.until_serving(1, 2)

    async def mirrored() -> bool:
        description = await controller.handle.describe()
        memo = await description.memo_value(MEMO_STATUS, type_hint=ServiceStatus)
        return bool(memo.phase is ServicePhase.READY and len(memo.replicas) == 2)

    await eventually(mirrored)


async def test_the_same_spec_again_changes_nothing(controller: Controller) -> None:
    first = await controller.apply(version())
    second = await controller.apply(version())
    assert (second.incarnation, second.changed) == (first.incarnation, False)


async def test_another_spec_is_refused(controller: Controller) -> None:
    await controller.apply(version())
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await controller.apply(version(digest="two"))
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "ServiceConflict"


async def test_down_leaves_nothing(controller: Controller) -> None:
    outcome = await controller.apply(version())
    await controller.until_serving(1, 2)
    await controller.down()
    world = controller.world
    assert world.machines == {}
    assert world.applied[-1].removed
    assert world.released == [controller.name]
    assert world.removed == [outcome.incarnation]
    assert sorted(world.drained) == [1, 2]


async def test_a_replica_that_ends_is_replaced_and_gets_no_requests(controller: Controller) -> None:
    await controller.apply(version())
    await controller.until_serving(1, 2)
    controller.world.say(1, ReplicaPhase.FAILED, "run ended with exit status 137")
    await controller.until_serving(2, 3)
    ended = await controller.until_ended(1)
    assert len(controller.world.machines) == 2
    assert ended.phase is ReplicaPhase.FAILED
    assert "137" in ended.reason


async def test_a_replica_that_is_not_ready_gets_no_requests_until_it_is(
    controller: Controller,
) -> None:
    await controller.apply(version())
    await controller.until_serving(1, 2)
    controller.world.say(1, ReplicaPhase.NOT_READY, "status 500")
    await controller.until_serving(2)
    controller.world.say(1, ReplicaPhase.READY)
    await controller.until_serving(1, 2)


async def test_a_version_that_is_never_ready_fails_after_three_replicas(
    controller: Controller,
) -> None:
    controller.world.setup_error = "setup ended with exit status 7"
    await controller.apply(version(replicas=1))
    status = await controller.until_phase(ServicePhase.FAILED)
    await eventually(lambda: not controller.world.machines)
    assert "exit status 7" in status.reason
    assert [name for kind, name in controller.world.ledger if kind == "create"] == [
        f"skyflow-0000aaaa-{status.incarnation}-{n}-0-1" for n in (1, 2, 3)
    ]


async def test_a_replica_whose_machine_vanishes_while_it_starts_counts_as_preempted(
    controller: Controller,
) -> None:
    controller.world.setup_error = "machine x is gone"
    controller.world.setup_error_kind = "MachineGone"
    await controller.apply(version(replicas=1))

    async def preempted() -> bool:
        ended = (await controller.status()).replicas
        return any(r.phase is ReplicaPhase.PREEMPTED for r in ended)

    await eventually(preempted)
    controller.world.setup_error = None
    await controller.until_phase(ServicePhase.READY)


async def test_replicas_are_spread_over_zones_of_near_equal_price(controller: Controller) -> None:
    controller.world.offers = [offer("a", 1), offer("b", 1.02), offer("c", 2)]
    await controller.apply(version(replicas=2))
    await controller.until_serving(1, 2)
    assert sorted(m.place.zone for m in controller.world.machines.values()) == ["a", "b"]


async def test_a_node_that_was_started_beside_a_refused_one_is_ended(
    controller: Controller,
) -> None:
    world = controller.world
    world.offers = [offer("a", 1), offer("b", 2)]
    world.launch_errors, world.refused_nodes = {"a": "NoCapacity"}, {1}
    await controller.apply(version(replicas=1, num_nodes=2))
    await controller.until_serving(1)
    assert {machine.place.zone for machine in world.machines.values()} == {"b"}
    assert [kind for kind, _ in world.ledger] == ["create", "delete", "create", "create"]


async def test_a_replica_with_an_interruption_notice_is_drained_and_replaced(
    controller: Controller,
) -> None:
    await controller.apply(version())
    await controller.until_serving(1, 2)
    controller.world.warn(1, "preemption in 120 s")
    await controller.until_serving(2, 3)
    assert controller.world.drained == [1]
    ended = await controller.until_ended(1)
    assert len(controller.world.machines) == 2
    assert ended.phase is ReplicaPhase.PREEMPTED
    assert ended.reason == "interruption notice: preemption in 120 s"


async def test_the_only_ready_replica_serves_until_another_is(controller: Controller) -> None:
    await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    controller.world.becomes_ready = False
    controller.world.warn(1, "preemption in 120 s")
    await eventually(lambda: 2 in controller.world.watchers)
    assert controller.world.serving() == [1]
    controller.world.say(2, ReplicaPhase.READY)
    await controller.until_serving(2)


async def test_a_refused_offer_is_followed_by_the_next_best(controller: Controller) -> None:
    controller.world.offers = [offer("a", 1), offer("b", 2)]
    controller.world.launch_errors = {"a": "NoCapacity"}
    await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    replica = (await controller.status()).replicas[0]
    assert replica.place is not None
    assert (replica.place.zone, replica.attempt) == ("b", 2)
    assert "refused" in [d.kind for d in await controller.decisions()]


async def test_refusals_that_waiting_does_not_mend_fail_the_service(controller: Controller) -> None:
    controller.world.launch_errors = {"a": "CredentialsError"}
    await controller.apply(version(replicas=1))
    status = await controller.until_phase(ServicePhase.FAILED)
    assert "CredentialsError" in status.reason
    assert controller.world.machines == {}


async def test_down_while_launching_waits_for_the_launch_and_leaves_nothing(
    controller: Controller,
) -> None:
    controller.world.launch_gate.clear()
    await controller.apply(version())
    await eventually(lambda: controller.world.launching == 2)
    await controller.down()
    assert controller.world.launching == 0
    assert controller.world.machines == {}


async def test_down_while_replicas_are_being_started_leaves_nothing(
    controller: Controller,
) -> None:
    await controller.apply(version(replicas=10))

    async def first_started() -> bool:
        return any(replica.attempt for replica in (await controller.status()).replicas)

    await eventually(first_started, what="the first replica started")
    await controller.down()
    assert controller.world.machines == {}


async def test_a_replica_that_ended_while_it_waited_for_an_offer_is_replaced(
    controller: Controller,
) -> None:
    world = controller.world
    world.offers, world.more_offers = [offer("a", 1)], 1
    world.launch_errors = {"a": "NoCapacity"}
    world.launch_gate.clear()
    outcome = await controller.apply(version(replicas=1))
    await eventually(lambda: world.launching == 1)
    world.offers_gate.clear()
    world.offers, world.more_offers = [offer("b", 2)], 0
    world.launch_gate.set()
    await eventually(lambda: world.looking == 1, what="another offer looked for")
    await controller.replica(outcome.incarnation, 1).terminate()
    world.offers_gate.set()
    await controller.until_serving(2)


async def test_a_cancelled_service_goes_down(controller: Controller) -> None:
    await controller.apply(version())
    await controller.until_serving(1, 2)
    await controller.handle.cancel()
    await controller.handle.result()
    assert controller.world.machines == {}


async def test_a_cancelled_replica_is_replaced(controller: Controller) -> None:
    outcome = await controller.apply(version())
    await controller.until_serving(1, 2)
    await controller.replica(outcome.incarnation, 1).cancel()
    await controller.until_serving(2, 3)
    await eventually(lambda: len(controller.world.machines) == 2)


async def test_a_port_that_a_balancer_cannot_use_is_exchanged(controller: Controller) -> None:
    controller.world.port_errors = {30001, 30002}
    await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    assert (await controller.status()).port == 30003


async def test_a_balancer_that_is_away_holds_up_nothing(controller: Controller) -> None:
    controller.world.balancers = ("away", "main")
    await controller.apply(version())
    await controller.until_serving(1, 2)
    await controller.down()
    assert controller.world.machines == {}


async def test_a_balancer_that_comes_later_is_published_to(controller: Controller) -> None:
    controller.world.balancers = ()
    await controller.apply(version())
    await eventually(lambda: len(controller.world.machines) == 2)
    assert (await controller.status()).phase is not ServicePhase.READY
    await controller.handle.signal(Message.BALANCERS_CHANGED, Balancers(ids=("main",)))
    await controller.until_serving(1, 2)
    await controller.until_phase(ServicePhase.READY)


async def test_scale_starts_and_drains_replicas(controller: Controller) -> None:
    await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    await controller.scale(3)
    await controller.until_serving(1, 2, 3)
    await controller.scale(1)
    await eventually(lambda: len(controller.world.machines) == 1)
    assert len(controller.world.serving()) == 1
    assert len(controller.world.drained) == 2


async def test_a_scale_out_of_bounds_is_refused_and_by_signal_noted(controller: Controller) -> None:
    await controller.apply(version(replicas=1))
    with pytest.raises(WorkflowUpdateFailedError):
        await controller.scale(-1)
    await controller.handle.signal(Message.SCALE_SIGNAL, ScaleRequest(replicas=-1))

    async def noted() -> bool:
        return any("-1 replicas" in d.reason for d in await controller.decisions())

    await eventually(noted)
    assert (await controller.status()).target == 1


async def test_a_scale_to_more_machines_than_a_service_may_have_is_refused(
    controller: Controller,
) -> None:
    await controller.apply(version(replicas=0, num_nodes=100))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await controller.scale(11)
    assert "allowed: 0 to 10" in str(refused.value.cause)


async def test_nothing_is_lost_when_a_service_continues_as_new(controller: Controller) -> None:
    await controller.apply(version())
    await controller.until_serving(1, 2)
    first = (await controller.handle.describe()).run_id
    await controller.handle.signal(Message.CHECKPOINT)
    for _ in range(20):
        await controller.handle.signal(Message.SCALE_SIGNAL, ScaleRequest(replicas=3))
    await controller.until_serving(1, 2, 3)
    await eventually(lambda: _run_changed(controller, first))
    controller.world.say(1, ReplicaPhase.FAILED, "gone")
    await controller.until_serving(2, 3, 4)
    await controller.down()
    assert controller.world.machines == {}


async def test_a_replica_goes_on_after_it_continued_as_new(controller: Controller) -> None:
    outcome = await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    replica = controller.replica(outcome.incarnation, 1)
    await eventually(lambda: 1 in controller.world.watchers)
    first = controller.world.watchers[1]
    await replica.signal(Message.CHECKPOINT)
    await eventually(lambda: controller.world.watchers[1] != first, what="a watch of the new run")
    controller.world.say(1, ReplicaPhase.NOT_READY, "status 500")
    await controller.until_serving()
    assert [kind for kind, _ in controller.world.ledger] == ["create"]
    await controller.down()


async def test_every_node_of_a_replica_is_started_and_ended(controller: Controller) -> None:
    await controller.apply(version(replicas=1, num_nodes=3))
    await controller.until_serving(1)
    assert len(controller.world.machines) == 3
    await controller.down()
    assert controller.world.machines == {}


async def _run_changed(controller: Controller, run: str | None) -> bool:
    return (await controller.handle.describe()).run_id != run
