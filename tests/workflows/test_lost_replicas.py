"""Replicas that somebody ends from outside are drained, cleared away and replaced."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from skyflow.contracts import Message, ReplicaTermination
from skyflow.state import ReplicaPhase, ServiceStatus
from tests.waiting import eventually
from tests.workflows.harness import Controller, version


async def terminate(controller: Controller, replica_id: int) -> ServiceStatus:
    answer: ServiceStatus = await controller.handle.execute_update(
        Message.TERMINATE_REPLICA,
        ReplicaTermination(replica_id=replica_id, reason="asked for"),
        result_type=ServiceStatus,
    )
    return answer


async def test_a_replica_is_drained_ended_and_replaced_on_request(controller: Controller) -> None:
    outcome = await controller.apply(version())
    await controller.until_serving(1, 2)
    answer = await terminate(controller, 1)
    assert [r.replica_id for r in answer.replicas if r.leaving] == [1]
    await controller.until_serving(2, 3)
    await controller.until_ended(1)
    assert controller.world.drained == [1]
    assert sorted(controller.world.machines) == [
        f"skyflow-0000aaaa-{outcome.incarnation}-{n}-0-1" for n in (2, 3)
    ]


async def test_a_replica_that_there_is_not_cannot_be_ended(controller: Controller) -> None:
    await controller.apply(version())
    await controller.until_serving(1, 2)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await terminate(controller, 7)
    assert isinstance(refused.value.cause, ApplicationError)
    assert "has no replica 7; it has: 1, 2" in refused.value.cause.message


async def test_a_cancelled_replica_is_drained(controller: Controller) -> None:
    outcome = await controller.apply(version())
    await controller.until_serving(1, 2)
    await controller.replica(outcome.incarnation, 1).cancel()
    await controller.until_serving(2, 3)
    await controller.until_ended(1)
    assert controller.world.drained == [1]


async def test_what_a_terminated_replica_left_is_drained_and_cleared_away(
    controller: Controller,
) -> None:
    outcome = await controller.apply(version())
    await controller.until_serving(1, 2)
    await controller.replica(outcome.incarnation, 1).terminate()
    await controller.until_serving(2, 3)
    await controller.until_ended(1)
    assert controller.world.drained == [1]
    assert f"skyflow-0000aaaa-{outcome.incarnation}-1-0-1" not in controller.world.machines


async def test_a_replica_terminated_while_it_leaves_is_cleared_away(
    controller: Controller,
) -> None:
    controller.world.teardown_gate.clear()
    outcome = await controller.apply(version())
    await controller.until_serving(1, 2)
    await controller.scale(1)
    await eventually(lambda: controller.world.tearing_down, what="a teardown has begun")
    await controller.replica(outcome.incarnation, 2).terminate()
    controller.world.teardown_gate.set()
    await controller.until_ended(2)
    assert sorted(controller.world.machines) == [f"skyflow-0000aaaa-{outcome.incarnation}-1-0-1"]


async def test_a_failed_replica_terminated_in_its_teardown_still_ends_as_failed(
    controller: Controller,
) -> None:
    controller.world.teardown_gate.clear()
    outcome = await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    controller.world.say(1, ReplicaPhase.FAILED, "run ended")
    await eventually(lambda: controller.world.tearing_down, what="a teardown has begun")
    await controller.replica(outcome.incarnation, 1).terminate()
    controller.world.teardown_gate.set()
    first = await controller.until_ended(1)
    assert first.phase is ReplicaPhase.FAILED


async def test_a_replica_terminated_while_its_machine_is_launched_leaves_none(
    controller: Controller,
) -> None:
    controller.world.launch_gate.clear()
    outcome = await controller.apply(version(replicas=1))
    await eventually(lambda: controller.world.launching, what="a launch has begun")
    await controller.replica(outcome.incarnation, 1).terminate()
    await eventually(lambda: controller.world.launching == 1, what="only the replacement launches")
    controller.world.launch_gate.set()
    await controller.until_serving(2)
    assert sorted(controller.world.machines) == [f"skyflow-0000aaaa-{outcome.incarnation}-2-0-1"]


async def test_a_replica_lost_after_the_service_continued_as_new_is_cleared_away_when_told(
    controller: Controller,
) -> None:
    outcome = await controller.apply(version())
    await controller.until_serving(1, 2)
    first = (await controller.handle.describe()).run_id
    await controller.handle.signal(Message.CHECKPOINT)

    async def continued() -> bool:
        return (await controller.handle.describe()).run_id != first

    await eventually(continued)
    await controller.replica(outcome.incarnation, 1).terminate()
    lost = ReplicaTermination(replica_id=1, incarnation=outcome.incarnation)
    await controller.handle.signal(Message.REPLICA_LOST, lost)
    await controller.until_serving(2, 3)
    await controller.until_ended(1)


async def test_what_concerns_another_incarnation_changes_nothing(controller: Controller) -> None:
    await controller.apply(version())
    await controller.until_serving(1, 2)
    for signal in (Message.REPLICA_LOST, Message.TERMINATE_REPLICA_SIGNAL):
        await controller.handle.signal(signal, ReplicaTermination(replica_id=1, incarnation="no"))
    assert not any(r.leaving for r in (await controller.status()).replicas)


async def test_machines_that_cannot_be_ended_are_spoken_of_and_ended_later(
    controller: Controller,
) -> None:
    controller.world.teardown_error = "the cloud is away"
    await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    await terminate(controller, 1)

    async def said() -> bool:
        replicas = (await controller.status()).replicas
        return any("could not be ended yet: the cloud is away" in r.reason for r in replicas)

    await eventually(said, what="the reason is shown")
    controller.world.teardown_error = None
    await controller.until_ended(1)
