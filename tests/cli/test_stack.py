"""`skyflow stack`: what it shows, and what it asks."""

from __future__ import annotations

import json
from pathlib import Path

from cli.exits import Exit
from skyflow.config import Settings
from skyflow.stack_state import StackState, log_path, make_directories, read_state, write_state
from tests.cli.conftest import Run, deployed
from tests.workflows.world import World


async def test_a_stack_that_does_not_run_is_unavailable(run: Run) -> None:
    result = await run("stack", "status")
    assert result.exit_code == Exit.UNAVAILABLE
    assert "`skyflow stack up` starts it" in result.stdout


async def test_its_processes_and_addresses_are_shown(run: Run, stack: StackState) -> None:
    result = await run("stack", "status")
    assert result.exit_code == Exit.OK
    assert f"http://127.0.0.1:{stack.ports.ui}" in result.stdout
    assert "temporal" in result.stdout


async def test_they_can_be_read_by_a_program(run: Run, stack: StackState) -> None:
    status = json.loads((await run("stack", "status", "--json")).stdout)
    assert status["phase"] == "running"
    assert status["temporal_address"] == stack.temporal_address


async def test_the_logs_of_all_processes_have_a_prefix(run: Run, settings: Settings) -> None:
    make_directories(settings)
    log_path(settings, "worker").write_text("one\ntwo\n")
    log_path(settings, "temporal").write_text("three\n")
    assert sorted((await run("stack", "logs", "--tail", "1")).stdout.splitlines()) == [
        "temporal   | three",
        "worker     | two",
    ]


async def test_a_process_that_is_unknown_is_named(run: Run, settings: Settings) -> None:
    make_directories(settings)
    log_path(settings, "worker").write_text("one\n")
    result = await run("stack", "logs", "wörker")
    assert result.exit_code == Exit.USAGE
    assert "processes with a log: worker" in result.stderr


async def test_stopping_with_live_services_asks_and_says_what_happens(
    run: Run, world: World, yaml: Path, settings: Settings
) -> None:
    await deployed(run, yaml)
    result = await run("stack", "down")
    assert result.exit_code == Exit.USAGE
    assert "Services run: hello. Their replicas will go on running" in result.stderr
    assert read_state(settings) is not None


async def test_stopping_what_does_not_run_is_no_error(run: Run) -> None:
    result = await run("stack", "down", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (Exit.OK, {"stopped": False})


async def test_services_of_a_stopped_stack_are_unavailable(
    run: Run, stack: StackState, settings: Settings
) -> None:
    write_state(settings, stack.model_copy(update={"supervisor": None}))
    result = await run("serve", "status")
    assert result.exit_code == Exit.UNAVAILABLE
    assert "`skyflow stack up`" in result.stderr


async def test_a_purge_asks_and_says_what_will_be_lost(run: Run, settings: Settings) -> None:
    make_directories(settings)
    (settings.balancer / "endpoints").mkdir(parents=True)
    path = settings.balancer / "endpoints" / "hello.0123456789abcdef.json"
    path.write_text("{}")
    result = await run("stack", "down", "--purge")
    assert result.exit_code == Exit.USAGE
    assert "Services that run: hello. This ends the 0 machines" in result.stderr
    assert str(settings.home) in result.stderr
    assert path.exists()


async def test_services_with_machines_elsewhere_are_not_purged(
    run: Run, world: World, yaml: Path, settings: Settings
) -> None:
    await deployed(run, yaml)
    result = await run("stack", "down", "--purge", "-y")
    assert result.exit_code == Exit.USAGE
    assert "it has machines at other clouds: fake" in result.stderr
    assert "`skyflow serve down --all`" in result.stderr
    assert read_state(settings) is not None


async def test_a_purge_says_what_it_did(run: Run, settings: Settings) -> None:
    make_directories(settings)
    log_path(settings, "worker").write_text("one\n")
    (settings.stack / "mine").touch()
    result = await run("stack", "down", "--purge", "-y", "--json")
    assert json.loads(result.stdout) == {"stopped": False, "machines": 0, "left": ["stack/mine"]}
    assert [path.name for path in settings.stack.iterdir()] == ["mine"]


async def test_a_purge_names_what_it_left(run: Run, settings: Settings) -> None:
    make_directories(settings)
    (settings.stack / "mine").touch()
    result = await run("stack", "down", "--purge", "-y")
    assert "skyflow did not make it: stack/mine" in result.stderr
