"""Records histories for the replay tests: `python -m tests.workflows.record`.

Run it on released code only: what is replayed must be what real installations have in their
histories, not what the code under change would write.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from temporalio.client import WorkflowHandle

from skyflow.contracts import (
    BalancerRegistration,
    Balancers,
    Message,
    Slot,
    SlotRelease,
    SlotRequest,
)
from skyflow.naming import INSTALLATION_WORKFLOW_ID
from skyflow.state import ReplicaPhase, ServicePhase
from skyflow.temporal import ask_installation
from tests.temporal import start_server
from tests.waiting import eventually
from tests.workflows.conftest import workers
from tests.workflows.harness import Controller, version
from tests.workflows.replay import HISTORIES_FOLDER, SERVICE
from tests.workflows.world import World, offer

RECORDER = "recorder"


async def main() -> None:
    """Play every scenario and write the history of each workflow in it."""
    HISTORIES_FOLDER.mkdir(exist_ok=True)
    await _record_life()
    await _record_failure()
    await _record_installation()


@asynccontextmanager
async def _controller() -> AsyncIterator[Controller]:
    environment = await start_server()
    world = World()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(environment.shutdown)
        for worker in workers(environment.client, world, 1000):
            await stack.enter_async_context(worker)
        yield Controller(environment.client, world, name=SERVICE)


async def _record_life() -> None:
    """Record a service that loses a replica, continues as new, is scaled and goes down."""
    async with _controller() as controller:
        outcome = await controller.apply(version(replicas=2), incarnation="11111111")
        await controller.until_serving(1, 2)
        controller.world.say(1, ReplicaPhase.NOT_READY, "status 500")
        await controller.until_serving(2)
        controller.world.say(1, ReplicaPhase.FAILED, "run ended with exit status 1")
        await controller.until_serving(2, 3)
        await _write(controller.handle, "service-before-checkpoint")
        await controller.handle.signal(Message.CHECKPOINT)
        await controller.scale(3)
        await controller.until_serving(2, 3, 4)
        await controller.down()
        await _write(controller.handle, "service-to-its-end")
        await _write(controller.replica(outcome.incarnation, 1), "replica-failed")
        await _write(controller.replica(outcome.incarnation, 2), "replica-stopped")


async def _record_failure() -> None:
    """Record a service that is refused everywhere but in one zone, where its setup fails."""
    async with _controller() as controller:
        world = controller.world
        world.offers = [offer("a", 1), offer("b", 2)]
        world.launch_errors = {"a": "NoCapacity"}
        world.port_errors = {30001}
        world.setup_error = "setup ended with exit status 1"
        outcome = await controller.apply(version(replicas=1, num_nodes=2), incarnation="22222222")
        await controller.until_phase(ServicePhase.FAILED)
        await eventually(lambda: not world.machines)
        await controller.down()
        await _write(controller.handle, "service-failed")
        await _write(controller.replica(outcome.incarnation, 1), "replica-refused-then-failed")


async def _record_installation() -> None:
    async with _controller() as controller:
        for service in ("a", "b"):
            request = SlotRequest(service=service, incarnation="1")
            await ask_installation(controller.client, Message.RESERVE, request, Slot)
        registration = BalancerRegistration(balancer="main")
        await ask_installation(
            controller.client, Message.REGISTER_BALANCER, registration, Balancers
        )
        release = SlotRelease(service="a", incarnation="1")
        await ask_installation(controller.client, Message.RELEASE, release, bool)
        handle = controller.client.get_workflow_handle(INSTALLATION_WORKFLOW_ID)
        await _write(handle, "installation")


async def _write(handle: WorkflowHandle[Any, Any], name: str) -> None:
    history = json.loads((await handle.fetch_history()).to_json())
    content = json.dumps(_impersonal(history), indent=1)
    (HISTORIES_FOLDER / f"{name}.json").write_text(content + "\n")


def _impersonal(part: Any) -> Any:
    """Return part of a history without what tells of the computer that it was recorded on."""
    if isinstance(part, list):
        return [_impersonal(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: RECORDER if key == "identity" or _names_worker(value) else _impersonal(value)
        for key, value in part.items()
        if key != "stackTrace"
    }


def _names_worker(value: Any) -> bool:
    """Return whether a value is the name of a worker: its process and computer."""
    return isinstance(value, str) and re.fullmatch(r"\d+@\S+", value) is not None


if __name__ == "__main__":
    asyncio.run(main())
