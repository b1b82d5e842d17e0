"""Whatever is terminated in the Temporal web UI is repaired, or gone with all it had."""

from __future__ import annotations

import secrets
from pathlib import Path

import httpx
from temporalio.client import ScheduleOverlapPolicy

from skyflow.contracts import WORKFLOW_QUEUE, Message, ReaperRequest, WorkflowName
from skyflow.naming import (
    INSTALLATION_WORKFLOW_ID,
    REAPER_ID,
    replica_workflow_id,
    service_workflow_id,
)
from tests.e2e.conftest import Up, nothing_is_left_of
from tests.e2e.services import write_service
from tests.e2e.stack import Stack
from tests.e2e.traffic import steady_gets
from tests.waiting import eventually


async def reap(stack: Stack) -> list[str]:
    """Run the reaper with a shorter grace than its schedule gives it."""
    temporal = await stack.temporal()
    done: list[str] = await temporal.execute_workflow(
        WorkflowName.REAPER,
        ReaperRequest(grace_seconds=1),
        id=f"{REAPER_ID}-{secrets.token_hex(4)}",
        task_queue=WORKFLOW_QUEUE,
        result_type=list[str],
    )
    return done


async def refused(endpoint: str) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            await client.get(endpoint)
        except httpx.ConnectError:
            return True
    return False


async def test_a_terminated_replica_is_replaced_without_an_error(
    stack: Stack, up: Up, tmp_path: Path
) -> None:
    await up(write_service(tmp_path, service={"replicas": 2}), "cut")
    incarnation = (await stack.view("cut")).status.incarnation
    replica = (await stack.temporal()).get_workflow_handle(
        replica_workflow_id("cut", incarnation, 1)
    )
    async with steady_gets(await stack.endpoint("cut")) as traffic:
        await eventually(lambda: len(set(traffic.replicas)) == 2, what="both replicas serve")
        await replica.terminate()
        assert await stack.ready("cut", but=1, count=2) == [2, 3]
        await eventually(lambda: 3 in traffic.replicas, what="the replacement serves")
    assert traffic.errors == []
    names = [path.name for path in stack.machines(incarnation)]
    await eventually(
        lambda: [p.name.split("-")[-3] for p in stack.machines(incarnation)] == ["2", "3"],
        what=f"the machine of replica 1 is gone, of {names}",
    )


async def test_nothing_is_left_of_a_terminated_service(
    stack: Stack, up: Up, tmp_path: Path
) -> None:
    await up(write_service(tmp_path, service={"replicas": 2}), "felled")
    view = await stack.view("felled")
    temporal = await stack.temporal()
    await temporal.get_workflow_handle(service_workflow_id("felled")).terminate()
    stack.make_older(stack.settings.store / "services" / view.status.incarnation, seconds=7200)
    done = await reap(stack)
    await eventually(
        lambda: stack.machines(view.status.incarnation) == [], what=f"no machine is left: {done}"
    )
    await eventually(lambda: refused(view.endpoint or ""), 60, f"the port is closed: {done}")
    slots = await temporal.get_workflow_handle(INSTALLATION_WORKFLOW_ID).query(Message.SLOTS)
    assert "felled" not in slots["slots"]
    await reap(stack)
    await nothing_is_left_of(stack, view.status.incarnation)


async def test_a_terminated_installation_learns_anew_who_has_which_port(
    stack: Stack, up: Up, tmp_path: Path
) -> None:
    await up(write_service(tmp_path / "first"), "rooted")
    port = (await stack.view("rooted")).status.port
    temporal = await stack.temporal()
    await temporal.get_workflow_handle(INSTALLATION_WORKFLOW_ID).terminate()
    await reap(stack)
    slots = await temporal.get_workflow_handle(INSTALLATION_WORKFLOW_ID).query(Message.SLOTS)
    assert slots["slots"]["rooted"][1] == port
    await up(write_service(tmp_path / "second"), "later")
    assert (await stack.view("later")).status.port != port


async def test_the_reaper_runs_by_a_schedule(stack: Stack) -> None:
    schedule = (await stack.temporal()).get_schedule_handle(REAPER_ID)
    before = (await schedule.describe()).info.num_actions
    # One that runs at the moment would have another one skipped.
    await schedule.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)

    async def ran() -> bool:
        return (await schedule.describe()).info.num_actions > before

    await eventually(ran, 90, what="it was started once more")
