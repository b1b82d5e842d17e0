"""`skyflow serve status` and `scale`."""

from __future__ import annotations

import json
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from cli.exits import Exit
from skyflow.autoscaling.decision import Explanation, Reading, Rule
from skyflow.autoscaling.progress import LoadProgress
from skyflow.autoscaling.settings import Bounds
from skyflow.client import Skyflow
from skyflow.state import ReplicaPhase
from tests.cli.conftest import Run, change, deployed
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


FOLLOWING = """\
  replica_policy:
    min_replicas: 1
    max_replicas: 4
    target_ongoing_requests_per_replica: 8
"""


def why(target: int) -> Explanation:
    reading = Reading(
        signal="ongoing requests", value=12.5, window_seconds=60, target=8, replicas=2
    )
    return Explanation(
        previous=1,
        target=target,
        rule=Rule.STABLE,
        readings=(reading,),
        bounds=Bounds(least=1, most=4),
        held="scale-down waits 240 s more",
    )


async def test_scaling_by_hand_holds_until_auto(run: Run, world: World, yaml: Path) -> None:
    change(yaml, "  replicas: 2\n", FOLLOWING)
    await deployed(run, yaml)
    held = await run("serve", "scale", "hello", "2")
    assert "until `skyflow serve scale hello auto`" in held.stderr
    assert "Held at 2 replicas" in (await run("serve", "status", "-v")).stdout
    auto = await run("serve", "scale", "hello", "auto", "--json")
    assert json.loads(auto.stdout) == {"name": "hello", "target_replicas": 2, "held": False}


async def test_a_number_out_of_bounds_is_refused_with_them(
    run: Run, world: World, yaml: Path
) -> None:
    change(yaml, "  replicas: 2\n", FOLLOWING)
    await deployed(run, yaml)
    refused = await run("serve", "scale", "hello", "9")
    assert refused.exit_code == Exit.USAGE
    assert "9 replicas; allowed: 1 to 4, or auto" in refused.stderr


async def test_what_is_no_number_is_refused(run: Run) -> None:
    refused = await run("serve", "scale", "hello", "many")
    assert refused.exit_code == Exit.USAGE
    assert "allowed: a number from 0 on, or auto" in refused.stderr


async def test_verbose_says_what_the_load_asks_for_and_what_holds_it_back(
    run: Run, world: World, yaml: Path
) -> None:
    change(yaml, "  replicas: 2\n", FOLLOWING)
    world.load_seen = LoadProgress(seen_at=1, explanation=why(2))
    await deployed(run, yaml)

    async def is_shown() -> str:
        shown = (await run("serve", "status", "hello", "-v")).stdout
        return shown if "scale-down waits" in shown else ""

    shown = await eventually(is_shown)
    assert "1 to 4 replicas by ongoing requests 8" in shown
    assert "ongoing requests  12.5  60 s  8       2 replicas" in shown
    document = json.loads((await run("serve", "status", "-v", "--json")).stdout)["services"][0]
    assert document["load"]["explanation"]["held"] == "scale-down waits 240 s more"
    assert document["bounds"] == {"least": 1, "most": 4}
