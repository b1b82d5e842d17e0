"""`skyflow serve up` shows, asks, deploys, waits, and says what came of it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from cli.exits import Exit
from skyflow.client import Skyflow
from skyflow.config import Settings
from skyflow.errors import ControllerUnavailable, SpecError, UsageError
from skyflow.spec import LoadOptions, load_task
from skyflow.state import ReplicaPhase, ServicePhase
from skyflow.storage.log_segments import Segment, create_segment, log_prefix
from skyflow.storage.store import Store
from tests.cli.conftest import Run, change, deployed, has_worker, spawned
from tests.waiting import eventually
from tests.workflows.conftest import workers
from tests.workflows.world import World


async def test_a_service_comes_up_and_its_endpoint_is_printed(
    run: Run, world: World, yaml: Path
) -> None:
    result = await run("serve", "up", str(yaml), "-y")
    assert result.exit_code == Exit.OK, result.output
    assert "curl http://127.0.0.1:3000" in result.stdout
    assert "2 of 2 replicas ready" in result.stdout
    assert "/workflows/service%2Fhello" in result.stdout


async def test_progress_goes_to_standard_error(run: Run, world: World, yaml: Path) -> None:
    result = await run("serve", "up", str(yaml), "-y")
    assert "service hello: READY" in result.stderr
    assert "service hello: READY" not in result.stdout


async def test_the_same_spec_again_changes_nothing(run: Run, world: World, yaml: Path) -> None:
    await run("serve", "up", str(yaml), "-y")
    again = await run("serve", "up", str(yaml), "-y")
    assert again.exit_code == Exit.OK
    assert "nothing was changed" in again.stderr


async def test_the_same_spec_again_leaves_nothing_in_the_store(
    run: Run, world: World, yaml: Path, settings: Settings
) -> None:
    await run("serve", "up", str(yaml), "-y")
    before = sorted(settings.store.rglob("*"))
    await run("serve", "up", str(yaml), "-y")
    assert sorted(settings.store.rglob("*")) == before


async def test_another_spec_is_refused_with_a_way_out(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml)
    change(yaml, "replicas: 2", "replicas: 3")
    refused = await run("serve", "up", str(yaml), "-y")
    assert refused.exit_code == Exit.USAGE
    assert "skyflow serve down hello" in refused.stderr


async def test_a_name_on_the_command_line_wins(run: Run, world: World, yaml: Path) -> None:
    result = await run("serve", "up", str(yaml), "-y", "-n", "other", "--no-wait", "--json")
    assert json.loads(result.stdout)["name"] == "other"


async def test_a_service_without_a_name_gets_one(run: Run, world: World, yaml: Path) -> None:
    change(yaml, "name: hello\n", "")
    result = await run("serve", "up", str(yaml), "--dry-run", "--json")
    assert json.loads(result.stdout)["name"].startswith("sky-service-")


async def test_a_dry_run_shows_the_plan_and_changes_nothing(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    result = await run("serve", "up", str(yaml), "--dry-run")
    assert result.exit_code == Exit.OK
    assert "per hour for all replicas" in result.stdout
    assert await skyflow.status() == []


async def test_without_a_terminal_it_says_to_use_yes(run: Run, stack: object, yaml: Path) -> None:
    result = await run("serve", "up", str(yaml))
    assert result.exit_code == Exit.USAGE
    assert "-y" in result.stderr


async def test_every_problem_of_a_yaml_is_shown_with_its_line(
    run: Run, stack: object, yaml: Path
) -> None:
    change(yaml, "replicas: 2", "replicas: many")
    change(yaml, "run:", "runn:")
    result = await run("serve", "up", str(yaml), "-y")
    assert result.exit_code == Exit.USAGE
    assert "    6 |   replicas: many" in result.stderr
    assert "    7 | runn: python" in result.stderr


async def test_a_problem_of_a_yaml_can_be_read_by_a_program(
    run: Run, stack: object, yaml: Path
) -> None:
    change(yaml, "replicas: 2", "replicas: many")
    result = await run("serve", "up", str(yaml), "-y", "--json")
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "SpecError"
    assert [problem["line"] for problem in error["problems"]] == [6]


async def test_all_that_cannot_be_carried_out_is_refused_with_its_line(
    run: Run, stack: object, yaml: Path, settings: Settings
) -> None:
    change(
        yaml,
        "replicas: 2",
        "replicas: 2\n  rate_limit: {requests_per_second: 4}\n  auth: {api_keys: [abcdefgh]}",
    )
    result = await run("serve", "up", str(yaml), "-y")
    assert result.exit_code == Exit.USAGE
    assert f"{yaml}:7:3: service.rate_limit" in result.stderr
    assert f"{yaml}:8:3: service.auth" in result.stderr
    assert not settings.store.exists()


async def test_what_the_named_cloud_cannot_carry_out_is_refused_with_every_key(
    run: Run, stack: object, yaml: Path, settings: Settings
) -> None:
    change(yaml, "cloud: local", "cloud: local\n  image_id: ami-1\n  labels: {team: a}")
    result = await run("serve", "up", str(yaml), "-y")
    assert result.exit_code == Exit.USAGE
    assert "`resources.image_id` cannot be carried out on local" in result.stderr
    assert "`resources.labels` cannot be carried out on local" in result.stderr
    assert "name a cloud that can carry it out" in result.stderr
    assert not settings.store.exists()


async def test_the_sdk_refuses_what_cannot_be_carried_out(skyflow: Skyflow, yaml: Path) -> None:
    change(yaml, "replicas: 2", "replicas: 2\n  rate_limit: {requests_per_second: 4}")
    with pytest.raises(SpecError, match=r"service\.rate_limit"):
        await skyflow.up(load_task(yaml, LoadOptions()), "hello")


async def test_the_sdk_refuses_what_the_named_cloud_cannot_carry_out(
    skyflow: Skyflow, yaml: Path
) -> None:
    change(yaml, "cloud: local", "cloud: local\n  disk_tier: best")
    with pytest.raises(UsageError, match=r"resources\.disk_tier` cannot be carried out on local"):
        await skyflow.up(load_task(yaml, LoadOptions()), "hello")


async def test_what_has_no_effect_is_said(run: Run, stack: object, yaml: Path) -> None:
    change(yaml, "cloud: local", "cloud: local\n  autostop: true")
    result = await run("serve", "up", str(yaml), "--dry-run")
    assert result.exit_code == Exit.OK
    assert "Note: line 4: " in result.stderr
    assert "autostop" in result.stderr


async def test_an_option_wins_over_the_file(run: Run, stack: object, yaml: Path) -> None:
    result = await run("serve", "up", str(yaml), "--dry-run", "--json", "--num-nodes", "3")
    assert json.loads(result.stdout)["nodes_per_replica"] == 3


async def test_what_no_cloud_offers_is_refused(run: Run, stack: object, yaml: Path) -> None:
    change(yaml, "cloud: local", "cloud: local\n  cpus: 9000+")
    result = await run("serve", "up", str(yaml), "-y")
    assert result.exit_code == Exit.USAGE
    assert "no enabled cloud offers 9000 or more CPUs" in result.stderr


async def test_a_failed_service_is_explained_with_the_last_log_lines(
    run: Run, world: World, yaml: Path, skyflow: Skyflow, settings: Settings
) -> None:
    world.setup_error = "setup ended with exit status 1"
    running = asyncio.create_task(run("serve", "up", str(yaml), "-y"))
    view = await eventually(lambda: skyflow.find("hello"))
    assert view is not None
    for replica_id in range(1, 9):
        prefix = log_prefix("hello", view.status.incarnation, replica_id, 0, "setup")
        await create_segment(Store(settings), prefix, Segment(0, 9, b"no module"))
    result = await running
    assert result.exit_code == Exit.FAILED
    assert "setup ended with exit status 1" in result.stderr
    assert "setup | no module" in result.stderr


async def test_a_failed_service_fails_for_a_program_too(run: Run, world: World, yaml: Path) -> None:
    world.setup_error = "no"
    result = await run("serve", "up", str(yaml), "-y", "--json")
    assert result.exit_code == Exit.FAILED
    assert json.loads(result.stdout)["outcome"] == "failed"


async def test_no_wait_returns_at_once(run: Run, world: World, yaml: Path) -> None:
    world.becomes_ready = False
    result = await run("serve", "up", str(yaml), "-y", "--no-wait", "--json")
    assert result.exit_code == Exit.OK
    assert json.loads(result.stdout)["outcome"] == "deploying"


async def test_a_secret_is_nowhere_but_encrypted(
    run: Run, world: World, yaml: Path, settings: Settings
) -> None:
    result = await run("serve", "up", str(yaml), "-y", "--secret", "TOKEN=hunter2-hunter2")
    assert result.exit_code == Exit.OK
    stored = [path.read_bytes() for path in settings.home.rglob("*") if path.is_file()]
    assert not any(b"hunter2" in content for content in stored)
    assert "hunter2" not in result.output


async def test_without_a_worker_nothing_is_deployed(
    fresh_server: WorkflowEnvironment, settings: Settings, yaml: Path
) -> None:
    skyflow = Skyflow(settings, fresh_server.client)
    with pytest.raises(ControllerUnavailable, match="no worker runs"):
        await skyflow.up(load_task(yaml, LoadOptions()), "hello")
    assert await skyflow.find("hello") is None
    assert not list(settings.store.rglob("services/*"))


async def test_a_worker_that_has_just_died_is_not_waited_for(
    fresh_server: WorkflowEnvironment,
    settings: Settings,
    yaml: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("skyflow.sdk.deploy.ANSWER_SECONDS", 1.0)
    async with workers(fresh_server.client, World(), cached_workflows=100)[0]:
        await eventually(lambda: has_worker(fresh_server.client))
    skyflow = Skyflow(settings, fresh_server.client)
    with pytest.raises(ControllerUnavailable, match="deployed once a worker runs"):
        await skyflow.up(load_task(yaml, LoadOptions()), "hello")
    [view] = await skyflow.status()
    assert (view.stale, view.status.phase) == (True, ServicePhase.CONTROLLER_INIT)


async def test_interrupting_leaves_the_service_deploying(
    world: World, yaml: Path, skyflow: Skyflow
) -> None:
    world.becomes_ready = False
    process = await spawned("serve", "up", str(yaml), "-y")
    assert process.stderr is not None
    said = b""
    while b"STARTING" not in said:
        line = await asyncio.wait_for(process.stderr.readline(), 60)
        assert line, said
        said += line
    process.send_signal(signal.SIGINT)
    _, rest = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == Exit.INTERRUPTED
    assert b"skyflow serve down hello" in rest
    view = await skyflow.find("hello")
    assert view is not None
    assert view.status.replicas[0].phase is ReplicaPhase.STARTING


async def test_the_same_spec_again_waits_for_what_is_being_deployed(
    run: Run, world: World, yaml: Path
) -> None:
    await run("serve", "up", str(yaml), "-y", "--no-wait")
    result = await run("serve", "up", str(yaml), "-y")
    assert "2 of 2 replicas ready" in result.stdout
