"""A worker whose clock is wrong waits as long as one whose clock is right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from skyflow.state import ReplicaPhase
from tests.adversity.stack import CrampedStack
from tests.e2e.conftest import take_down
from tests.e2e.services import SERVE, until_exists, write_service
from tests.waiting import eventually

MINUTES = 60


@pytest.fixture
async def stack_at(
    stack: CrampedStack, request: pytest.FixtureRequest
) -> AsyncIterator[CrampedStack]:
    """Return the stack, with a worker that is as many minutes ahead as the test says."""
    stack.clocks.set_wrong("worker run", request.param * MINUTES)
    await stack.restart("worker")
    yield stack
    stack.clocks.set_right()
    await stack.restart("worker")


@pytest.mark.parametrize("stack_at", [10], indirect=True)
async def test_a_worker_that_is_ahead_gives_up_no_replica_early(
    stack_at: CrampedStack, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    probe = {"path": "/ready", "initial_delay_seconds": 300}
    spec = write_service(tmp_path, until_exists(gate) + SERVE, service={"readiness_probe": probe})
    await stack_at.run("serve", "up", spec, "-n", "slow", "-y", "--no-wait")
    await eventually(lambda: _is_watched(stack_at, "slow"), 60, "it is watched while it waits")
    gate.touch()
    await stack_at.recovers("slow", count=1)
    assert [r.replica_id for r in await stack_at.replicas("slow")] == [1]
    await take_down(stack_at, "slow")


@pytest.mark.parametrize("stack_at", [-10], indirect=True)
async def test_a_worker_that_is_behind_gives_up_a_replica_in_time(
    stack_at: CrampedStack, tmp_path: Path
) -> None:
    probe = {"path": "/ready", "initial_delay_seconds": 5}
    spec = write_service(tmp_path, "exec sleep 1000", service={"readiness_probe": probe})
    await stack_at.run("serve", "up", spec, "-n", "never", "-y", "--no-wait")
    late = ReplicaPhase.FAILED_INITIAL_DELAY
    await eventually(lambda: stack_at.replicas("never", late), 60, "it is given up")
    await take_down(stack_at, "never")


def _is_watched(stack: CrampedStack, name: str) -> bool:
    """Return whether what `run` has printed was stored, which only a watch does."""
    segments = stack.settings.store.glob(f"logs/{name}.*/replica-1/node-0/run/*")
    return any(b"waiting" in segment.read_bytes() for segment in segments)
