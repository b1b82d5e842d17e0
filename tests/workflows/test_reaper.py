"""The reaper clears away what has had no owner for a while, and nothing else."""

from __future__ import annotations

import secrets

from skyflow.contracts import WORKFLOW_QUEUE, Message, ReaperRequest, WorkflowName
from skyflow.naming import machine_name
from skyflow.orphans import HeldPort, OwnedMachine, ReplicaId, ServiceId, Survey
from tests.waiting import eventually
from tests.workflows.harness import Controller, version
from tests.workflows.world import offer


def machine(replica_id: int) -> OwnedMachine:
    return OwnedMachine(name=machine_name("00aa", "bb00", replica_id, 0, 1), place=offer().place)


async def reap(controller: Controller, *surveys: Survey) -> list[str]:
    """Run the reaper over what it is to see, look by look; return what it did."""
    controller.world.surveys = list(surveys)
    done: list[str] = await controller.client.execute_workflow(
        WorkflowName.REAPER,
        ReaperRequest(grace_seconds=0.1),
        id=f"reaper-{secrets.token_hex(4)}",
        task_queue=WORKFLOW_QUEUE,
        result_type=list[str],
    )
    return done


async def test_where_nothing_is_orphaned_it_looks_once(controller: Controller) -> None:
    assert await reap(controller, Survey()) == []
    assert controller.world.surveys == []


async def test_a_machine_is_ended_that_two_looks_find_without_an_owner(
    controller: Controller,
) -> None:
    world = controller.world
    world.machines = {machine(n).name: world.request(machine(n).name) for n in (1, 2, 3)}
    first = Survey(machines=(machine(1), machine(2)))
    second = Survey(machines=(machine(2), machine(3)))
    done = await reap(controller, first, second, Survey())
    assert sorted(world.machines) == [machine(1).name, machine(3).name]
    assert [line.partition(":")[0] for line in done] == [machine(2).name]


async def test_files_ports_and_endpoints_of_an_ended_service_are_removed(
    controller: Controller,
) -> None:
    world = controller.world
    held = HeldPort(service="web", incarnation="bb00", port=30001)
    seen = Survey(ports=(held,), files=("bb00",), balancers=("main",))
    await reap(controller, seen, seen, Survey())
    assert world.removed == ["bb00"]
    assert world.released == ["web"]
    assert [(e.service, e.removed) for e in world.applied] == [("web", True)]
    assert world.recalled == [ServiceId(service="web", incarnation="bb00")]


async def test_replicas_of_an_ended_service_are_drained_and_end(controller: Controller) -> None:
    outcome = await controller.apply(version(replicas=1))
    await controller.until_serving(1)
    await controller.handle.terminate()
    left = ReplicaId(service=controller.name, incarnation=outcome.incarnation, replica_id=1)
    seen = Survey(replicas=(left,), balancers=("main",))
    await reap(controller, seen, seen, Survey())
    await controller.replica(outcome.incarnation, 1).result()
    assert controller.world.applied[-1].removed
    assert controller.world.drained == [1]
    assert controller.world.machines == {}


async def test_a_service_is_told_of_a_replica_that_has_no_workflow(controller: Controller) -> None:
    outcome = await controller.apply(version())
    await controller.until_serving(1, 2)
    first = (await controller.handle.describe()).run_id
    await controller.handle.signal(Message.CHECKPOINT)

    async def continued() -> bool:
        return (await controller.handle.describe()).run_id != first

    await eventually(continued)
    await controller.replica(outcome.incarnation, 1).terminate()
    seen = controller.seen(await controller.status())
    await reap(controller, seen, seen, Survey())
    await controller.until_serving(2, 3)


async def test_a_port_that_is_in_use_and_not_known_is_noted(controller: Controller) -> None:
    await controller.apply(version())
    await controller.until_serving(1, 2)
    seen = controller.seen(await controller.status()).model_copy(
        update={"replicas": controller.running(await controller.status())}
    )
    await reap(controller, seen, seen, Survey())
    assert controller.world.noted_ports == [30001]


async def test_what_cannot_be_cleared_away_holds_up_nothing_else(controller: Controller) -> None:
    world = controller.world
    world.teardown_error = "the cloud is away"
    seen = Survey(machines=(machine(1),), files=("bb00",), problems=("aws: no credentials",))
    done = await reap(controller, seen, seen, Survey())
    assert world.removed == ["bb00"]
    assert any("not done: the cloud is away" in line for line in done)
    assert "could not be looked at: aws: no credentials" in done
