"""`skyflow serve terminate-replica` has one replica replaced, and touches nothing else."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.exits import Exit
from skyflow.client import Skyflow
from skyflow.config import Settings
from skyflow.state import ReplicaPhase
from skyflow.storage.log_segments import Segment, create_segment, log_prefix
from skyflow.storage.store import Store
from tests.cli.conftest import Run, deployed, spawned
from tests.waiting import eventually
from tests.workflows.world import World

END = ("serve", "terminate-replica", "hello")


@pytest.fixture(autouse=True)
async def _settled(world: World, skyflow: Skyflow) -> AsyncIterator[None]:
    """Let replacements start before the next test: their machines would be made in its world."""
    yield
    await eventually(lambda: _rests(skyflow), what="every replacement is ready")


async def ready(skyflow: Skyflow) -> list[int]:
    [view] = await skyflow.status(["hello"])
    return [r.replica_id for r in view.status.replicas if r.phase is ReplicaPhase.READY]


async def test_a_replica_is_drained_ended_and_replaced(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    await deployed(run, yaml)
    result = await run(*END, "1", "-y")
    assert result.exit_code == Exit.OK, result.output
    assert "Replica 1 of service 'hello' is gone; its logs are kept" in result.stderr
    assert "Replica 3 takes its place" in result.stderr
    assert world.drained == [1]
    assert await eventually(lambda: _are(skyflow, [2, 3]))


async def test_down_with_a_replica_id_is_the_same(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    await deployed(run, yaml)
    result = await run("serve", "down", "hello", "--replica-id", "2", "-y", "--json")
    told = json.loads(result.stdout)
    assert (told["ended"], told["replacements"], told["target"]) == (True, [3], 2)
    assert (await run("serve", "down", "--all", "--replica-id", "2", "-y")).exit_code == Exit.USAGE


async def test_the_reason_is_kept_with_the_decisions(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    await deployed(run, yaml)
    await skyflow.terminate_replica("hello", 1, reason="it answers slowly")
    assert "it answers slowly" in [d.reason for d in await skyflow.decisions("hello")]


async def test_an_unknown_replica_and_one_that_ended_are_refused(
    run: Run, world: World, yaml: Path
) -> None:
    await deployed(run, yaml)
    unknown = await run(*END, "7", "-y")
    assert unknown.exit_code == Exit.USAGE
    assert "service 'hello' has no replica 7" in unknown.stderr
    assert "replicas there are: 1, 2" in unknown.stderr
    await run(*END, "1", "-y")
    ended = await run(*END, "1", "-y")
    assert ended.exit_code == Exit.USAGE
    assert "replica 1 of service 'hello' has ended already (TERMINATED" in ended.stderr


async def test_a_service_that_does_not_run_or_goes_down_is_named(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    missing = await run("serve", "terminate-replica", "nobody", "1", "-y")
    assert missing.exit_code == Exit.USAGE
    assert "Service 'nobody' not found." in missing.stderr
    await deployed(run, yaml)
    world.drain_gate.clear()
    going = asyncio.create_task(skyflow.down("hello"))
    await eventually(lambda: _goes_down(skyflow))
    refused = await run(*END, "1", "-y")
    world.drain_gate.set()
    await going
    assert "service 'hello' is being taken down" in refused.stderr
    assert refused.exit_code == Exit.USAGE


async def test_purge_removes_the_logs_of_that_replica_only(
    run: Run, world: World, yaml: Path, settings: Settings, skyflow: Skyflow
) -> None:
    await deployed(run, yaml)
    [view] = await skyflow.status(["hello"])
    for replica in (1, 2):
        prefix = log_prefix("hello", view.status.incarnation, replica, 0, "run")
        await create_segment(Store(settings), prefix, Segment(0, 3, b"hi\n"))
    assert (await run(*END, "1", "-y", "--purge")).exit_code == Exit.OK
    shown = await run("serve", "logs", "hello", "--no-follow")
    assert shown.stdout == "replica 2 run   | hi\n"


async def test_it_asks_first(run: Run, world: World, yaml: Path, skyflow: Skyflow) -> None:
    await deployed(run, yaml)
    assert (await run(*END, "1")).exit_code == Exit.USAGE
    assert await ready(skyflow) == [1, 2]


async def test_ctrl_c_stops_the_waiting_not_the_ending(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    await deployed(run, yaml)
    world.drain_gate.clear()
    process = await spawned(*END, "1", "-y")
    assert process.stderr is not None
    while b"DRAINING" not in await asyncio.wait_for(process.stderr.readline(), 60):
        assert not process.stderr.at_eof()
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert process.returncode == Exit.INTERRUPTED
    assert "is being ended and replaced" in errors.decode()
    world.drain_gate.set()
    assert await eventually(lambda: _are(skyflow, [2, 3]))


async def test_nobody_need_wait(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml)
    world.drain_gate.clear()
    result = await run(*END, "1", "-y", "--no-wait")
    world.drain_gate.set()
    assert result.exit_code == Exit.OK
    assert "is being ended" in result.stderr
    assert (await run(*END, "2", "-y", "--no-wait", "--purge")).exit_code == Exit.USAGE


async def _rests(skyflow: Skyflow) -> bool:
    return await skyflow.find("hello") is None or len(await ready(skyflow)) == 2


async def _are(skyflow: Skyflow, replicas: list[int]) -> bool:
    return await ready(skyflow) == replicas


async def _goes_down(skyflow: Skyflow) -> bool:
    view = await skyflow.find("hello")
    return view is not None and view.status.phase.value == "SHUTTING_DOWN"
