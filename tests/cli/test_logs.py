"""`skyflow serve logs`: from the store, whatever else is dead."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cli.exits import Exit
from cli.log_printing import LogPrinter
from cli.log_source import LogSource
from skyflow.client import Skyflow
from skyflow.config import Settings
from skyflow.sdk.files import access_log
from skyflow.storage.log_segments import Segment, create_segment, log_prefix
from skyflow.storage.store import Store
from tests.cli.conftest import Run, deployed, spawned
from tests.workflows.world import World


async def write(
    settings: Settings, text: bytes, *, replica: int = 1, offset: int = 0, stream: str = "run"
) -> None:
    prefix = log_prefix("hello", "0000aaaa", replica, 0, stream)
    assert await create_segment(Store(settings), prefix, Segment(offset, len(text), text))


async def test_all_replicas_are_shown_with_a_prefix(run: Run, settings: Settings) -> None:
    await write(settings, b"serving\n")
    await write(settings, b"installed\n", stream="setup")
    await write(settings, b"serving too\n", replica=2)
    assert (await run("serve", "logs", "hello")).stdout.splitlines() == [
        "replica 1 setup | installed",
        "replica 1 run   | serving",
        "replica 2 run   | serving too",
    ]


async def test_one_replica_is_shown_as_it_is(run: Run, settings: Settings) -> None:
    await write(settings, b"one\n")
    await write(settings, b"two\n", replica=2)
    assert (await run("serve", "logs", "hello", "2")).stdout == "two\n"


async def test_tail_counts_the_lines_of_each_replica(run: Run, settings: Settings) -> None:
    await write(settings, b"a\nb\nc\n")
    await write(settings, b"d\n", replica=2)
    shown = (await run("serve", "logs", "hello", "--tail", "1")).stdout.splitlines()
    assert shown == ["replica 1 run   | c", "replica 2 run   | d"]


async def test_a_line_without_its_end_is_shown(run: Run, settings: Settings) -> None:
    await write(settings, b"Segmentation fault")
    assert (await run("serve", "logs", "hello", "1")).stdout == "Segmentation fault\n"


async def test_an_unknown_replica_is_named(run: Run, settings: Settings) -> None:
    await write(settings, b"one\n")
    result = await run("serve", "logs", "hello", "7")
    assert result.exit_code == Exit.USAGE
    assert "replicas with logs: 1" in result.stderr


async def test_an_unknown_service_is_named(run: Run) -> None:
    result = await run("serve", "logs", "hello")
    assert result.exit_code == Exit.USAGE
    assert "Service 'hello' not found" in result.stderr


async def test_following_shows_what_comes_until_the_service_ends(
    run: Run, world: World, yaml: Path, skyflow: Skyflow, settings: Settings
) -> None:
    await deployed(run, yaml)
    [view] = await skyflow.status()
    prefix = log_prefix("hello", view.status.incarnation, 1, 0, "run")
    await create_segment(Store(settings), prefix, Segment(0, 6, b"one\ntw"))
    process = await spawned("serve", "logs", "hello", "1")
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"one\n"
    await create_segment(Store(settings), prefix, Segment(6, 2, b"o\n"))
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"two\n"
    await run("serve", "down", "hello", "-y")
    assert await asyncio.wait_for(process.wait(), 60) == Exit.OK


async def test_the_logs_of_a_service_outlive_it(
    run: Run, world: World, yaml: Path, skyflow: Skyflow, settings: Settings
) -> None:
    await deployed(run, yaml)
    [view] = await skyflow.status()
    prefix = log_prefix("hello", view.status.incarnation, 1, 0, "run")
    await create_segment(Store(settings), prefix, Segment(0, 5, b"kept\n"))
    await run("serve", "down", "hello", "-y")
    assert (await run("serve", "logs", "hello", "1")).stdout == "kept\n"


async def test_the_controller_s_log_is_its_decisions(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml)
    result = await run("serve", "logs", "hello", "--controller", "--no-follow")
    assert "port: endpoint port 30001" in result.stdout


async def test_the_decisions_of_a_service_outlive_it(run: Run, world: World, yaml: Path) -> None:
    await deployed(run, yaml)
    await run("serve", "down", "hello", "-y")
    result = await run("serve", "logs", "hello", "--controller")
    assert "stop: asked for by the command line" in result.stdout


async def test_the_balancer_s_log_of_requests_is_shown(run: Run, settings: Settings) -> None:
    await write(settings, b"one\n")
    path = access_log(settings, "hello", "0000aaaa")
    path.parent.mkdir(parents=True)
    path.with_name(path.name + ".1").write_text("GET /old\n")
    path.write_text("GET /new\n")
    result = await run("serve", "logs", "hello", "--load-balancer", "--tail", "2")
    assert result.stdout == "GET /old\nGET /new\n"


async def test_only_one_kind_of_log_at_a_time(run: Run) -> None:
    result = await run("serve", "logs", "hello", "1", "--controller")
    assert result.exit_code == Exit.USAGE


async def test_names_that_contain_one_another_are_kept_apart(
    skyflow: Skyflow, settings: Settings
) -> None:
    for service in ("a", "a.0000bbbb", "a-b"):
        prefix = log_prefix(service, "0000aaaa", 1, 0, "run")
        await create_segment(Store(settings), prefix, Segment(0, 1, b"x"))
    assert await skyflow.logs.incarnations("a") == ("0000aaaa",)


async def test_following_ends_when_the_service_has_failed_for_good(
    run: Run, world: World, yaml: Path, settings: Settings, skyflow: Skyflow
) -> None:
    world.setup_error = "pip has no such package"
    await run("serve", "up", str(yaml), "-y")
    result = await run("serve", "logs", "hello", "--follow")
    assert result.exit_code == Exit.OK


async def test_a_service_whose_logs_were_removed_is_said_to_have_none(
    run: Run, world: World, yaml: Path
) -> None:
    await deployed(run, yaml)
    await run("serve", "down", "hello", "-y", "--purge")
    result = await run("serve", "logs", "hello")
    assert result.exit_code == Exit.USAGE
    assert "left no logs" in result.stderr


async def test_following_ends_with_the_service_although_another_one_has_its_name(
    run: Run,
    world: World,
    yaml: Path,
    skyflow: Skyflow,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await deployed(run, yaml)
    await write(settings, b"of the one before\n")
    source = LogSource("hello", "0000aaaa", settings, skyflow)
    async with asyncio.timeout(60):
        await LogPrinter(source, follow=True, tail=None).print_replicas(1)
        await LogPrinter(source, follow=True, tail=None).print_decisions()
    assert capsys.readouterr().out == "of the one before\n"
