"""A process that may open nothing more harms no service, and goes on when it may."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from skyflow.state import ReplicaPhase
from tests.adversity.conftest import NAME
from tests.adversity.stack import CrampedStack
from tests.e2e.traffic import steady_gets
from tests.waiting import eventually

EXHAUSTED = "Too many open files"


@contextmanager
def nothing_to_open(pid: int) -> Iterator[None]:
    """Let a process open nothing more."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


async def test_a_worker_that_cannot_ask_takes_no_replica_out(
    stack: CrampedStack, endpoint: str
) -> None:
    told = stack.log("worker").count(EXHAUSTED)
    async with steady_gets(endpoint) as traffic:
        with nothing_to_open(stack.process("worker").pid):
            # Both watches were given up once, and tried again.
            await eventually(lambda: stack.log("worker").count(EXHAUSTED) >= told + 4, 60)
            assert len(await stack.replicas(NAME, ReplicaPhase.READY)) == 2
        lost = await stack.lose_server(NAME)
        await stack.recovers(NAME, but=lost)
    assert traffic.errors == []


async def test_a_supervisor_that_can_open_nothing_leaves_its_processes_alone(
    stack: CrampedStack, endpoint: str
) -> None:
    supervisor = stack.state.supervisor
    assert supervisor is not None
    before = {member.identity.pid for member in stack.members()}
    with nothing_to_open(supervisor.pid):
        await stack.run("stack", "status")
        await stack.lose_server(NAME)
        await stack.recovers(NAME)
    assert {member.identity.pid for member in stack.members()} == before
