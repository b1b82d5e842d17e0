"""`skyflow serve down` leaves nothing but the logs, and touches nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from cli.exits import Exit
from skyflow.client import Skyflow
from skyflow.config import Settings
from skyflow.sdk.files import access_log
from skyflow.storage.log_segments import Segment, create_segment, log_prefix
from skyflow.storage.store import Store
from tests.cli.conftest import Run, deployed
from tests.workflows.world import World


async def test_a_service_is_taken_down(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    await deployed(run, yaml)
    result = await run("serve", "down", "hello", "-y")
    assert result.exit_code == Exit.OK
    assert "nothing of it is left" in result.stderr
    assert await skyflow.find("hello") is None
    assert world.machines == {}


async def test_several_are_taken_down_at_once(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml, "-n", "one")
    await deployed(run, yaml, "-n", "two")
    result = await run("serve", "down", "--all", "-y", "--json")
    ended = json.loads(result.stdout)["services"]
    assert [(end["name"], end["complete"]) for end in ended] == [("one", True), ("two", True)]


async def test_an_unknown_name_changes_nothing(
    run: Run, world: World, yaml: Path, skyflow: Skyflow
) -> None:
    await deployed(run, yaml)
    result = await run("serve", "down", "hello", "nobody", "-y")
    assert result.exit_code == Exit.USAGE
    assert "Service 'nobody' not found." in result.stderr
    assert await skyflow.find("hello") is not None


async def test_all_without_services_is_no_error(run: Run, world: World) -> None:
    result = await run("serve", "down", "--all", "-y")
    assert (result.exit_code, result.stderr) == (Exit.OK, "No existing services.\n")


async def test_names_or_all_must_be_given(run: Run) -> None:
    assert (await run("serve", "down")).exit_code == Exit.USAGE
    assert (await run("serve", "down", "hello", "--all")).exit_code == Exit.USAGE


async def test_purge_removes_the_logs_of_what_is_down(
    run: Run, world: World, yaml: Path, settings: Settings, skyflow: Skyflow
) -> None:
    prefix = log_prefix("hello", "0000aaaa", 1, 0, "run")
    await create_segment(Store(settings), prefix, Segment(0, 3, b"hi\n"))
    requests = access_log(settings, "hello", "0000aaaa")
    requests.parent.mkdir(parents=True)
    requests.write_text("GET /\n")
    assert (await run("serve", "down", "hello", "--purge", "-y")).exit_code == Exit.OK
    assert await skyflow.logs.incarnations("hello") == ()
    assert not requests.exists()


async def test_it_asks_first(run: Run, world: World, yaml: Path, skyflow: Skyflow) -> None:
    await deployed(run, yaml)
    assert (await run("serve", "down", "hello")).exit_code == Exit.USAGE
    assert await skyflow.find("hello") is not None
