"""Taking a service down at any moment of its life leaves nothing but its logs."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from skyflow.client import Skyflow
from skyflow.spec import LoadOptions, load_task
from skyflow.state import ReplicaPhase
from tests.e2e.computer import processes_about
from tests.e2e.conftest import take_down
from tests.e2e.services import SERVE, until_exists, write_service
from tests.e2e.stack import Stack
from tests.waiting import eventually


async def deploy(stack: Stack, spec: Path, name: str) -> str:
    """Deploy a service without waiting for anything; return its incarnation."""
    skyflow: Skyflow = await stack.sdk()
    return (await skyflow.up(load_task(spec, LoadOptions()), name)).incarnation


async def written(stack: Stack, name: str) -> list[str]:
    """Return what a service has written so far."""
    skyflow = await stack.sdk()
    incarnation = (await stack.view(name)).status.incarnation
    return [line.text async for line in skyflow.logs.lines(name, incarnation)]


async def in_phase(stack: Stack, name: str, phase: ReplicaPhase) -> bool:
    return [replica.phase for replica in await stack.replicas(name)] == [phase]


async def test_while_launching(stack: Stack, tmp_path: Path) -> None:
    incarnation = await deploy(stack, write_service(tmp_path), "launching")

    def held() -> list[psutil.Process]:
        """Keep the machine from becoming ready."""
        found = processes_about(f"-{incarnation}-")
        for process in found:
            process.suspend()
        return found

    await eventually(held, what="a machine is being started")
    held()
    await eventually(lambda: in_phase(stack, "launching", ReplicaPhase.PROVISIONING))
    await take_down(stack, "launching")


@pytest.mark.parametrize("step", ["setup", "run"])
async def test_while_a_script_has_not_come_to_its_point(
    stack: Stack, tmp_path: Path, step: str
) -> None:
    waiting = until_exists(tmp_path / "gate")
    setup, run = (waiting, SERVE) if step == "setup" else ("true", waiting + SERVE)
    await deploy(stack, write_service(tmp_path, run, setup=setup), f"in-{step}")

    async def waits() -> bool:
        return "waiting" in await written(stack, f"in-{step}")

    await eventually(waits, what=f"{step} waits")
    assert await in_phase(stack, f"in-{step}", ReplicaPhase.STARTING)
    await take_down(stack, f"in-{step}")
    logs = await stack.run("serve", "logs", f"in-{step}", "--no-follow")
    assert "waiting" in logs.out


async def test_while_ready(stack: Stack, tmp_path: Path) -> None:
    await deploy(stack, write_service(tmp_path, f"echo serving; {SERVE}"), "served")
    await stack.ready("served")
    await take_down(stack, "served")
    logs = await stack.run("serve", "logs", "served", "1", "--no-follow")
    assert logs.out == "serving\n"
