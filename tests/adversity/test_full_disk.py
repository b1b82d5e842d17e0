"""A disk without a byte left costs no client an error, and nothing has to be mended by hand."""

from __future__ import annotations

from skyflow.stack_state import ProcessState, StackState
from tests.adversity.conftest import NAME
from tests.adversity.stack import CrampedStack
from tests.e2e.traffic import steady_gets
from tests.waiting import eventually

FULL = "No space left on device"


async def test_a_replica_lost_on_a_full_disk_is_replaced_when_there_is_space(
    stack: CrampedStack, endpoint: str
) -> None:
    async with steady_gets(endpoint) as traffic:
        with stack.disk.full():
            lost = await stack.lose_server(NAME)
            answers = len(traffic.replicas)
            await eventually(lambda: len(traffic.replicas) > answers + 500, 60)
        await stack.recovers(NAME, but=lost)
    assert traffic.errors == []


async def test_a_command_says_that_the_disk_is_full_and_what_to_do(
    stack: CrampedStack, endpoint: str
) -> None:
    with stack.disk.full():
        outcome = await stack.run("serve", "scale", NAME, 3, status=3)
        status = await stack.run("stack", "status")
        fresh = await stack.run("stack", "up", status=1, SKYFLOW_HOME=str(stack.disk.path / "new"))
    error, remedy = outcome.err.splitlines()
    assert f"nothing can be written to {stack.home}: {FULL}" in error
    assert remedy.startswith("To do: free space there")
    assert f"{stack.home}: {FULL}" in status.out
    assert FULL in fresh.err
    assert "Traceback" not in fresh.text
    await stack.recovers(NAME)


async def test_the_stack_knows_its_processes_after_they_were_restarted_on_a_full_disk(
    stack: CrampedStack, endpoint: str
) -> None:
    before = stack.process("worker")
    with stack.disk.full():
        before.kill()
        await eventually(lambda: "worker" in _names_but(stack, before.pid), 60)
    now = stack.process("worker")
    await eventually(lambda: _answering(stack.state) == now.pid, 60, "the state is up to date")
    await stack.recovers(NAME)


def _names_but(stack: CrampedStack, pid: int) -> set[str]:
    return {m.name for m in stack.members() if m.identity.pid != pid}


def _answering(state: StackState) -> int | None:
    """Return the id of the worker that answers, as the state has it."""
    worker = state.process("worker")
    if worker is None or worker.identity is None or worker.state is not ProcessState.READY:
        return None
    return worker.identity.pid
