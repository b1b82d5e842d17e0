"""`skyflow serve status` and `scale`."""

from __future__ import annotations

import json
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from cli.exits import Exit
from skyflow.client import Skyflow
from skyflow.state import ReplicaPhase
from tests.cli.conftest import Run, deployed
from tests.waiting import eventually
from tests.workflows.conftest import workers
from tests.workflows.world import World


async def test_where_nothing_was_ever_started_there_are_no_services(run: Run) -> None:
    result = await run("serve", "status")
    assert (result.exit_code, result.stdout.strip()) == (Exit.OK, "No existing services.")


async def test_a_service_is_shown_with_its_replicas(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml)
    result = await run("serve", "status")
    assert "NAME   VERSION  UPTIME  STATUS  REPLICAS  ENDPOINT" in result.stdout
    assert "READY   2/2" in result.stdout
    assert "Service Replicas" in result.stdout


async def test_verbose_adds_policies_and_decisions(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml)
    result = await run("serve", "status", "hello", "-v")
    assert "Fixed 2 replicas" in result.stdout
    assert "least_load" in result.stdout
    assert "endpoint port 30001" in result.stdout


async def test_json_has_stable_keys(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml)
    [service] = json.loads((await run("serve", "status", "--json", "-v")).stdout)["services"]
    assert (service["name"], service["status"], service["stale"]) == ("hello", "READY", False)
    assert service["endpoint"] == f"http://127.0.0.1:{service['port']}"
    assert [replica["status"] for replica in service["replicas"]] == ["READY", "READY"]
    assert service["decisions"][0]["reason"]


async def test_endpoint_prints_the_url_alone(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml)
    result = await run("serve", "status", "hello", "--endpoint")
    assert result.stdout == "http://127.0.0.1:30001\n"


async def test_endpoint_needs_exactly_one_service(run: Run) -> None:
    assert (await run("serve", "status", "--endpoint")).exit_code == Exit.USAGE


async def test_names_are_matched_exactly(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml)
    result = await run("serve", "status", "Hello", "hell_")
    assert result.exit_code == Exit.USAGE
    assert "Service 'Hello' not found.; Service 'hell_' not found." in result.stderr


async def test_it_answers_with_the_worker_dead(
    run: Run, server: WorkflowEnvironment, stack: object, yaml: Path
) -> None:
    first, *others = workers(server.client, World(), cached_workflows=100)
    async with first, others[0], others[1], others[2]:
        await deployed(run, yaml)
    result = await run("serve", "status", "--json")
    [service] = json.loads(result.stdout)["services"]
    assert (service["status"], service["stale"]) == ("READY", True)
    await server.client.get_workflow_handle("service/hello").terminate()


async def test_scaling_changes_the_number_of_replicas(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    await deployed(run, yaml)
    assert (await run("serve", "scale", "hello", "1")).exit_code == Exit.OK

    async def one_left() -> bool:
        [view] = await skyflow.status(["hello"])
        return view.ready == 1 and view.status.target == 1

    await eventually(one_left)


async def test_a_replica_can_be_asked_for(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    await deployed(run, yaml)
    assert (await skyflow.replica_status("hello", 2)).phase is ReplicaPhase.READY


async def test_scaling_what_does_not_run_is_refused(run: Run, world: World) -> None:
    result = await run("serve", "scale", "nothing", "1", "--json")
    assert result.exit_code == Exit.USAGE
    assert json.loads(result.stdout)["error"]["kind"] == "ServiceNotFound"
