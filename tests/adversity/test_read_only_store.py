"""A store that cannot be written to stops what needs it, and that alone."""

from __future__ import annotations

from pathlib import Path

from skyflow.state import ReplicaPhase
from tests.adversity.conftest import NAME
from tests.adversity.stack import CrampedStack
from tests.e2e.services import write_service
from tests.e2e.stack import ended
from tests.waiting import eventually


async def test_up_is_refused_with_the_reason_and_leaves_nothing(
    stack: CrampedStack, endpoint: str, tmp_path: Path
) -> None:
    with stack.disk.read_only(stack.home / "store"):
        spec = write_service(tmp_path)
        outcome = await stack.run("serve", "up", spec, "-n", "refused", "-y", status=1)
    lines = [line for line in outcome.err.splitlines() if line.startswith(("Error", "To do"))]
    assert lines[0].endswith(f"in the store {stack.home}/store: Read-only file system")
    assert lines[1].startswith("To do: make it writable")
    assert "Traceback" not in outcome.text
    # A computer that is overloaded may have had a replica replaced.
    await stack.recovers(NAME)


async def test_replicas_start_and_services_end_although_nothing_can_be_stored(
    stack: CrampedStack, endpoint: str, tmp_path: Path
) -> None:
    spec = write_service(tmp_path, setup="echo prepared")
    await stack.run("serve", "up", spec, "-n", "careful", "-y")
    with stack.disk.read_only(stack.home / "store"):
        await stack.run("serve", "scale", "careful", 2)
        await stack.recovers("careful", count=2)
        assert await stack.replicas("careful", ReplicaPhase.FAILED_SETUP) == []
        going = await stack.start("serve", "down", "careful", "-y")
        reason = await eventually(lambda: _reason(stack), 60, "it says what is left")
    assert "Read-only file system" in reason
    outcome = await ended(going)
    assert outcome.status == 0, outcome
    assert "nothing of it is left" in outcome.err


async def _reason(stack: CrampedStack) -> str:
    return (await stack.view("careful")).status.reason
