"""What becomes of activities when the worker dies that carries them out."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client

from skyflow.contracts import PREPARE_REPLICA, WATCH_REPLICA, WorkflowName
from skyflow.errors import ControllerUnavailable
from skyflow.spec import load_task
from skyflow.state import ReplicaPhase
from tests.faults.fake_stack import FakeStack
from tests.faults.stack import write_service
from tests.waiting import eventually

_DEPLOY_SECONDS = 90.0
_MOVE_SECONDS = 60.0


async def deploy(stack: FakeStack, name: str, phase: ReplicaPhase, **keys: str) -> None:
    """Deploy a service of one replica, and wait until that has come to a phase."""
    path = write_service(stack.home / f"{name}.yaml", stack.cloud.name, replicas=1, **keys)
    task = await asyncio.to_thread(load_task, path)
    await answered(lambda: stack.sdk.up(task, name))

    async def reached() -> bool:
        view = await stack.sdk.find(name)
        return bool(view) and [r.phase for r in view.status.replicas] == [phase]  # type: ignore[union-attr]

    await eventually(reached, _DEPLOY_SECONDS, f"{name} is {phase}")


async def answered(command: Callable[[], Awaitable[object]]) -> None:
    """Do what needs a worker, as soon as there is one."""

    async def done() -> bool:
        try:
            await command()
        except ControllerUnavailable:
            return False
        return True

    await eventually(done, _DEPLOY_SECONDS, "the command succeeds")


async def seconds_until_moved(stack: FakeStack, number: signal.Signals) -> dict[str, float]:
    """Return how long it takes until another worker does what one did that gets a signal.

    Takes a stack with one worker; another one waits beside it when the signal is sent.
    """
    gate = stack.home / "gate"
    waiting = f"while [ ! -e {gate} ]; do sleep 0.2; done"
    await asyncio.gather(
        deploy(stack, "watched", ReplicaPhase.READY),
        deploy(stack, "prepared", ReplicaPhase.STARTING, setup=waiting),
    )
    await stack.keep("worker-2", "worker", "run")
    wanted = {WATCH_REPLICA.name, PREPARE_REPLICA.name}
    log = stack.logs / "worker-2.log"
    await eventually(lambda: "working for" in log.read_text(), 30, "the other worker works")
    other = f"{stack.kept['worker-2'].pid}@"
    await eventually(lambda: _working(stack.client, "", wanted), 30, "both activities run")
    seconds: dict[str, float] = {}
    began = time.monotonic()
    await stack.kept["worker-1"].leave(number)
    while len(seconds) < len(wanted) and time.monotonic() - began < _MOVE_SECONDS:
        for name in wanted - set(seconds):
            if await _working(stack.client, other, {name}):
                seconds[name] = time.monotonic() - began
        await asyncio.sleep(0.1)
    gate.touch()
    return seconds


async def _working(client: Client, identity: str, wanted: set[str]) -> bool:
    """Return whether all those activities are carried out by a worker of such an identity."""
    query = f"WorkflowType = '{WorkflowName.REPLICA}' AND ExecutionStatus = 'Running'"
    found = set()
    async for execution in client.list_workflows(query):
        handle = client.get_workflow_handle(execution.id)
        for activity in (await handle.describe()).raw_description.pending_activities:
            started = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            if started and activity.last_worker_identity.startswith(identity):
                found.add(activity.activity_type.name)
    return wanted <= found
