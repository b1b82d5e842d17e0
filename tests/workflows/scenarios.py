"""Plays what workflows live through and writes their histories: `... .scenarios FOLDER`.

`python -m tests.workflows.record` runs it, on code that has landed.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from skyflow.autoscaling.decision import Explanation, Rule
from skyflow.autoscaling.progress import LoadProgress
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds
from skyflow.contracts import (
    WORKFLOW_QUEUE,
    BalancerRegistration,
    Balancers,
    LoadWatchResult,
    Message,
    ReaperRequest,
    ReplicaTermination,
    Slot,
    SlotRelease,
    SlotRequest,
    WorkflowName,
)
from skyflow.naming import INSTALLATION_WORKFLOW_ID
from skyflow.orphans import HeldPort, Survey
from skyflow.state import ReplicaPhase, ServicePhase
from skyflow.updates import ask_installation
from tests.temporal import start_server
from tests.waiting import eventually
from tests.workflows.conftest import workers
from tests.workflows.harness import Controller, version
from tests.workflows.history_files import Histories
from tests.workflows.replay import SERVICE
from tests.workflows.world import World, offer

Scenario = Callable[[Controller, Histories], Awaitable[None]]


async def main() -> None:
    """Play every scenario, each on a server of its own."""
    # Activities fail here on purpose.
    logging.disable()
    for scenario in SCENARIOS:
        async with _controller() as controller:
            await scenario(controller, Histories(Path(sys.argv[1]), controller.client))


@asynccontextmanager
async def _controller() -> AsyncIterator[Controller]:
    environment = await start_server()
    world = World()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(environment.shutdown)
        for worker in workers(environment.client, world, 1000):
            await stack.enter_async_context(worker)
        yield Controller(environment.client, world, name=SERVICE)


async def whole_life(controller: Controller, histories: Histories) -> None:
    """Have a replica fail, continue the service as new, scale it up and take it down."""
    incarnation = "11111111"
    await controller.apply(version(replicas=2), incarnation)
    await controller.until_serving(1, 2)
    controller.world.say(1, ReplicaPhase.NOT_READY, "status 500")
    await controller.until_serving(2)
    controller.world.say(1, ReplicaPhase.FAILED, "run ended with exit status 1")
    await controller.until_serving(2, 3)
    before = await histories.current_run(controller.handle)
    await controller.handle.signal(Message.CHECKPOINT)
    await controller.scale(3)
    await controller.until_serving(2, 3, 4)
    await controller.down()
    await histories.write(before, "service-continued-as-new")
    await histories.write(controller.handle, "service-to-its-end")
    await histories.write(controller.replica(incarnation, 1), "replica-failed")
    await histories.write(controller.replica(incarnation, 2), "replica-stopped")


async def refused_then_failed(controller: Controller, histories: Histories) -> None:
    """Have every zone refuse but one, and setup fail there until the service is given up."""
    world, incarnation = controller.world, "22222222"
    world.offers = [offer("a", 1), offer("b", 2)]
    world.launch_errors = {"a": "NoCapacity"}
    world.port_errors = {30001}
    world.setup_error = "setup ended with exit status 1"
    await controller.apply(version(replicas=1, num_nodes=2), incarnation)
    await controller.until_phase(ServicePhase.FAILED)
    await eventually(lambda: not world.machines)
    await controller.down()
    await histories.write(controller.handle, "service-failed")
    await histories.write(controller.replica(incarnation, 1), "replica-refused-then-failed")


async def refused_then_ready(controller: Controller, histories: Histories) -> None:
    """Have two zones refuse; the third one has capacity."""
    world, incarnation = controller.world, "33333333"
    world.offers = [offer("a", 1), offer("b", 2), offer("c", 3)]
    world.launch_errors = {"a": "NoCapacity", "b": "NoCapacity"}
    await controller.apply(version(replicas=1), incarnation)
    await controller.until_serving(1)
    await controller.down()
    await histories.write(controller.handle, "service-refused-then-ready")
    await histories.write(controller.replica(incarnation, 1), "replica-refused-then-ready")


async def lost_and_replaced(controller: Controller, histories: Histories) -> None:
    """Let the machine of a replica that serves vanish, and another take its place."""
    incarnation = "44444444"
    await controller.apply(version(replicas=2), incarnation)
    await controller.until_serving(1, 2)
    controller.world.say(2, ReplicaPhase.PREEMPTED, "machine is gone")
    await controller.until_serving(1, 3)
    await controller.down()
    await histories.write(controller.handle, "service-lost-a-replica")
    await histories.write(controller.replica(incarnation, 2), "replica-lost")


async def scaled_down(controller: Controller, histories: Histories) -> None:
    """Scale a service down, which drains what is too much, and end a replica by hand."""
    incarnation = "55555555"
    await controller.apply(version(replicas=3), incarnation)
    await controller.until_serving(1, 2, 3)
    await controller.scale(1)
    await eventually(lambda: len(controller.world.drained) == 2)
    await eventually(lambda: len(controller.world.machines) == 1)
    [kept] = controller.world.serving()
    request = ReplicaTermination(replica_id=kept)
    await controller.handle.execute_update(Message.TERMINATE_REPLICA, request)
    await controller.until_serving(4)
    await controller.down()
    await histories.write(controller.handle, "service-scaled-down")
    await histories.write(controller.replica(incarnation, 3), "replica-drained")


async def replica_continued(controller: Controller, histories: Histories) -> None:
    """Continue a replica as new while it serves."""
    incarnation = "66666666"
    await controller.apply(version(replicas=1), incarnation)
    await controller.until_serving(1)
    replica = controller.replica(incarnation, 1)
    before = await histories.current_run(replica)
    await replica.signal(Message.CHECKPOINT)
    await eventually(lambda: histories.has_continued(replica, before))
    await controller.down()
    await histories.write(before, "replica-continued-as-new")
    await histories.write(replica, "replica-after-it-continued")


async def stopped_in_launch(controller: Controller, histories: Histories) -> None:
    """Take a service down while the machine of its replica is being started."""
    world, incarnation = controller.world, "77777777"
    world.launch_gate.clear()
    await controller.apply(version(replicas=1), incarnation)
    await eventually(lambda: world.launching)
    await controller.down()
    await histories.write(controller.handle, "service-stopped-in-launch")
    await histories.write(controller.replica(incarnation, 1), "replica-stopped-in-launch")


async def load_followed(controller: Controller, histories: Histories) -> None:
    """Wake a service of no replica, hold it by hand, let it follow again, and continue as new."""
    world, bounds = controller.world, Bounds(least=0, most=4)
    settings = AutoscalingSettings(bounds=bounds, ongoing=8)
    await controller.apply(version(replicas=0, autoscaling=settings), "88888888")
    why = Explanation(previous=0, target=2, rule=Rule.WAKE, bounds=bounds)
    progress = LoadProgress(seen_at=1, explanation=why)
    world.loads.append(LoadWatchResult(target=2, bounds=bounds, progress=progress))
    await controller.until_serving(1, 2)
    await controller.scale(1)
    await eventually(lambda: len(world.machines) == 1)
    await controller.scale(None)
    before = await histories.current_run(controller.handle)
    await controller.handle.signal(Message.CHECKPOINT)
    await eventually(lambda: histories.has_continued(controller.handle, before))
    await controller.down()
    await histories.write(before, "service-followed-its-load")


async def installation(controller: Controller, histories: Histories) -> None:
    """Give out ports, take one back, and register a balancer."""
    for service in ("a", "b"):
        request = SlotRequest(service=service, incarnation="1")
        await ask_installation(controller.client, Message.RESERVE, request, Slot)
    registration = BalancerRegistration(balancer="main")
    await ask_installation(controller.client, Message.REGISTER_BALANCER, registration, Balancers)
    release = SlotRelease(service="a", incarnation="1")
    await ask_installation(controller.client, Message.RELEASE, release, bool)
    handle = controller.client.get_workflow_handle(INSTALLATION_WORKFLOW_ID)
    await histories.write(handle, "installation")


async def reaper(controller: Controller, histories: Histories) -> None:
    """Find twice what a service that ended has left, and clear it away."""
    held = HeldPort(service="web", incarnation="bb00", port=30001)
    seen = Survey(ports=(held,), files=("bb00",), balancers=("main",))
    controller.world.surveys = [seen, seen, Survey()]
    handle = await controller.client.start_workflow(
        WorkflowName.REAPER,
        ReaperRequest(grace_seconds=0.1),
        id="reaper-recorded",
        task_queue=WORKFLOW_QUEUE,
    )
    await handle.result()
    await histories.write(handle, "reaper")


SCENARIOS: tuple[Scenario, ...] = (
    whole_life,
    refused_then_failed,
    refused_then_ready,
    lost_and_replaced,
    scaled_down,
    replica_continued,
    stopped_in_launch,
    load_followed,
    installation,
    reaper,
)


if __name__ == "__main__":
    asyncio.run(main())
