"""What becomes of services while Temporal is away for longer than a heartbeat may be late."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass

import psutil

from skyflow.state import ReplicaPhase, ServicePhase
from tests.faults.deaths import deploy
from tests.faults.fake_stack import FakeStack
from tests.faults.temporal_server import TemporalServer
from tests.processes import variables_of, words_of
from tests.waiting import eventually

AWAY_SECONDS = 60.0
"""More than the heartbeat timeout of a watch (30 s)."""
_NAME = "lasting"
_LONG_SECONDS = 60.0


@dataclass(frozen=True)
class Outage:
    """What was seen before, and after Temporal had come back."""

    before: set[int]
    """Processes that serve."""
    after: set[int]
    machines: list[str]
    """Ledger of the cloud: every machine that was ever made."""
    ended: list[int]
    """Replicas that have ended."""
    seconds_until_status: float
    """Time from Temporal's return until the service says, by itself, that it is ready."""


async def temporal_goes_away(stack: FakeStack, server: TemporalServer) -> Outage:
    """Deploy a service, kill Temporal for a while, and see what the service makes of it."""
    await deploy(stack, _NAME, ReplicaPhase.READY)
    before = _serving(stack)
    await server.process.leave(signal.SIGKILL)
    await server.process.ended()
    await asyncio.sleep(AWAY_SECONDS)
    back = time.time()
    await server.start()
    seconds = await _seconds_until_status(stack)
    await eventually(lambda: _watched_since(stack, back), _LONG_SECONDS, "it is watched again")
    view = await stack.sdk.find(_NAME)
    assert view
    return Outage(
        before=before,
        after=_serving(stack),
        machines=[line.name for line in stack.cloud.ledger.read()],
        ended=[r.replica_id for r in view.status.replicas if r.phase is not ReplicaPhase.READY],
        seconds_until_status=seconds,
    )


async def _seconds_until_status(stack: FakeStack) -> float:
    began = time.monotonic()

    async def says_ready() -> bool:
        view = await stack.sdk.find(_NAME)
        return bool(view and not view.stale and view.status.phase is ServicePhase.READY)

    await eventually(says_ready, _LONG_SECONDS, "the service says that it is ready")
    return time.monotonic() - began


async def _watched_since(stack: FakeStack, since: float) -> bool:
    """Return whether the watch goes on, or has been begun again, since a time (Unix, seconds)."""
    async for execution in stack.client.list_workflows("WorkflowType = 'ReplicaWorkflow'"):
        described = await stack.client.get_workflow_handle(execution.id).describe()
        watches = described.raw_description.pending_activities
        return any(watch.last_heartbeat_time.ToSeconds() > since for watch in watches)
    return False


def _serving(stack: FakeStack) -> set[int]:
    home = str(stack.local.ledger.path.parent)
    servers = [p for p in psutil.process_iter() if words_of(p)[-1:] == ["server.py"]]
    return {p.pid for p in servers if variables_of(p).get("HOME", "").startswith(home)}
