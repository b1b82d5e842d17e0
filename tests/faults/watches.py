"""Many open watches, and how long other activities wait for a worker meanwhile."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import workflow
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from skyflow.clouds.base import Machine, MachineRequest
from skyflow.contracts import (
    APPLY_ENDPOINTS,
    TEARDOWN_REPLICA,
    WATCH_REPLICA,
    ReplicaTask,
    WatchRequest,
)
from skyflow.naming import REAPER_ID, machine_name, service_directory, service_workflow_id
from skyflow.placement.offers import Place
from skyflow.state import ReplicaPhase, SpecReference
from skyflow.storage.keyring import Keyring
from tests.faults.deaths import answered, deploy
from tests.faults.fake_stack import FakeStack
from tests.faults.service import repeated, until
from tests.waiting import eventually
from workflows.calls import start

WATCHES = 1000
_BATCHES = 100
"""Workflows that share them: what all watches of one do waits for its one lock in Temporal."""
_QUEUE = "watches"
_NAME = "busy"
_OPEN_SECONDS = 300.0
_PLACE = Place(cloud="fake", region="r", zone="a", instance_type="small")


@workflow.defn
class OpenWatches:
    """Opens many watches of one replica, and waits for them."""

    @workflow.run
    async def run(self, request: WatchRequest) -> None:
        watches = [
            start(WATCH_REPLICA, request, summary="one of many") for _ in range(WATCHES // _BATCHES)
        ]
        await asyncio.gather(*watches)


async def waits_while_watches_are_open(stack: FakeStack) -> dict[str, float]:
    """Return the longest wait (seconds) for a worker of each of two kinds of activities.

    What is watched is a machine that lives and never answers: it keeps a watch open, and costs
    this computer little.
    """
    await deploy(stack, _NAME, ReplicaPhase.READY)
    # What is watched belongs to no replica: the reaper would end it, and every watch with it.
    await stack.client.get_schedule_handle(REAPER_ID).pause()
    request = await _request(stack)
    worker = Worker(
        stack.client,
        task_queue=_QUEUE,
        workflows=[OpenWatches],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker, _open(stack.client, request):
        await answered(lambda: stack.sdk.scale(_NAME, 2))
        await eventually(lambda: _replicas(stack, 2), _OPEN_SECONDS, "two replicas are ready")
        await stack.sdk.down(_NAME)
    return await _longest_waits(stack.client)


@asynccontextmanager
async def _open(client: Client, request: WatchRequest) -> AsyncIterator[None]:
    handles = [
        await client.start_workflow(
            OpenWatches.run, request, id=f"watches-{number}", task_queue=_QUEUE
        )
        for number in range(_BATCHES)
    ]
    not_open = list(handles)

    async def all_open() -> bool:
        # Only so many are asked at a time: a look must not hold up what it waits for.
        asked = not_open[: _BATCHES // 10]
        described = await asyncio.gather(*(repeated(each.describe) for each in asked))
        for handle, each in zip(asked, described, strict=True):
            if _open_watches(each) == WATCHES // _BATCHES:
                not_open.remove(handle)
        return not not_open

    await until(all_open, f"{WATCHES} watches are open", _OPEN_SECONDS)
    yield
    for handle in handles:
        await handle.terminate()


def _open_watches(described: WorkflowExecutionDescription) -> int:
    started = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    pending = described.raw_description.pending_activities
    return len([each for each in pending if each.state == started])


async def _request(stack: FakeStack) -> WatchRequest:
    view = await stack.sdk.find(_NAME)
    assert view
    status = view.status
    silent = socket.create_server(("127.0.0.1", 0), backlog=4096)
    stack.on_stop(silent.close)
    name = machine_name(stack.installation, status.incarnation, 999, 0, 1)
    keys = Keyring.load(stack.settings).machine_keys(name)
    real = await stack.cloud.launch(MachineRequest(name=name, place=_PLACE, port=8080), keys)
    port = silent.getsockname()[1]
    node = real.model_copy(update={"ssh_port": port, "replica_port": port})
    key = f"{service_directory(status.incarnation)}/spec/{status.spec_digest}"
    task = ReplicaTask(
        service=_NAME,
        incarnation=status.incarnation,
        replica_id=999,
        version=1,
        spec=SpecReference(digest=status.spec_digest, key=key),
        nodes=(_checked(node),),
    )
    return WatchRequest(replica=task, ready=False, deadline=time.time() + 3600, renew_at=2**40)


def _checked(node: Machine) -> Machine:
    assert node.address == "127.0.0.1"
    return node


async def _replicas(stack: FakeStack, count: int) -> bool:
    view = await stack.sdk.find(_NAME)
    ready = [r for r in view.status.replicas if r.phase is ReplicaPhase.READY] if view else []
    return len(ready) == count


async def _longest_waits(client: Client) -> dict[str, float]:
    waits = {TEARDOWN_REPLICA.name: 0.0, APPLY_ENDPOINTS.name: 0.0}
    ids = [service_workflow_id(_NAME)]
    query = "WorkflowType = 'ReplicaWorkflow'"
    ids += [execution.id async for execution in client.list_workflows(query)]
    for workflow_id in ids:
        scheduled = {}
        async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
            begun = event.activity_task_scheduled_event_attributes.activity_type.name
            begins = event.activity_task_started_event_attributes.scheduled_event_id
            at = event.event_time.ToNanoseconds() / 1e9
            if begun in waits:
                scheduled[event.event_id] = begun, at
            elif begins in scheduled:
                name, since = scheduled[begins]
                waits[name] = max(waits[name], at - since)
    return waits
