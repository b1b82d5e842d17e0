"""Losing a server or a machine costs no client an error, and it is replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import psutil
import pytest

from skyflow.clouds.local.directory import MachineDirectory
from skyflow.state import ReplicaPhase, ReplicaRecord
from tests.e2e.computer import server_of
from tests.e2e.conftest import take_down
from tests.e2e.services import until_exists, write_service
from tests.e2e.stack import Stack
from tests.e2e.traffic import steady_gets
from tests.waiting import eventually

NAME = "pair"


@pytest.fixture(scope="module")
async def text(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """Two replicas of a server that shows a file; the file in its workdir."""
    folder = tmp_path_factory.mktemp(NAME)
    keys = {"replicas": 2, "load_balancing_policy": "round_robin"}
    spec = write_service(folder, service=keys)
    text = spec.parent / "workdir" / "text"
    text.write_text("as it was deployed")
    await stack.run("serve", "up", spec, "-n", NAME, "-y")
    yield text
    await take_down(stack, NAME)


def server(stack: Stack, replica: ReplicaRecord) -> psutil.Process:
    return server_of(stack.settings.machines, NAME, replica.replica_id)


def machine(stack: Stack, replica: ReplicaRecord) -> psutil.Process:
    [node] = replica.nodes
    holder = MachineDirectory(stack.settings.machines, node.name).holder
    assert holder is not None
    return psutil.Process(holder)


async def lose(stack: Stack, find: Callable[[Stack, ReplicaRecord], psutil.Process]) -> int:
    """Kill a part of one replica; return the id of the replica that takes its place."""
    [keeps, *_] = await stack.ready(NAME, count=2)
    [victim] = [r for r in await stack.replicas(NAME) if r.live and r.replica_id != keeps]
    find(stack, victim).kill()
    ready = await stack.ready(NAME, but=victim.replica_id, count=2)
    return max(ready)


@pytest.mark.parametrize("part", [server, machine])
async def test_no_client_sees_the_loss_of_a(
    stack: Stack, text: Path, part: Callable[[Stack, ReplicaRecord], psutil.Process]
) -> None:
    async with steady_gets(await stack.endpoint(NAME)) as traffic:
        await eventually(lambda: len(set(traffic.replicas)) == 2, what="both replicas serve")
        replacement = await lose(stack, part)
        await eventually(lambda: replacement in traffic.replicas, what="its replacement serves")
    assert traffic.errors == []


async def test_a_replacement_runs_what_was_deployed(stack: Stack, text: Path) -> None:
    text.write_text("as it was changed since")
    replacement = await lose(stack, server)
    [url] = [r.endpoint for r in await stack.replicas(NAME) if r.replica_id == replacement]
    async with httpx.AsyncClient() as client:
        assert (await client.get(url or "")).json()["text"] == "as it was deployed"


async def test_a_machine_lost_during_setup_is_replaced(stack: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    spec = write_service(tmp_path, setup=until_exists(gate))
    await stack.run("serve", "up", spec, "-n", "unlucky", "-y", "--no-wait")
    [replica] = await eventually(lambda: stack.replicas("unlucky", ReplicaPhase.STARTING))
    machine(stack, replica).kill()
    gate.touch()
    assert await stack.ready("unlucky", but=replica.replica_id)
    [lost] = await stack.replicas("unlucky", ReplicaPhase.PREEMPTED)
    assert lost.replica_id == replica.replica_id
    await take_down(stack, "unlucky")
