"""`skyflow serve logs --sync-down`: everything in a new directory, or nothing."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from cli.exits import Exit
from skyflow.config import Settings
from skyflow.sdk.files import access_log
from skyflow.storage.log_segments import Segment, create_segment, log_prefix
from skyflow.storage.store import Store
from tests.cli.conftest import Run, deployed, spawned
from tests.workflows.world import World

MOST_BYTES = 100_000


async def write(
    settings: Settings, text: bytes, *, replica: int = 1, node: int = 0, stream: str = "run"
) -> None:
    prefix = log_prefix("hello", "0000aaaa", replica, node, stream)
    assert await create_segment(Store(settings), prefix, Segment(0, len(text), text))


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


async def save(run: Run, directory: Path, *more: str) -> dict[str, str]:
    result = await run("serve", "logs", "hello", *more, "-s", "--dir", str(directory))
    assert result.exit_code == Exit.OK, result.output
    assert result.stdout == f"{directory}\n"
    return contents(directory)


async def test_each_node_has_a_file_of_setup_and_run(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    await write(settings, b"serving\n")
    await write(settings, b"installing ...", stream="setup")
    await write(settings, b"joined\n", node=1)
    await write(settings, b"\xff\n", replica=2)
    assert (await run("serve", "logs", "hello", "-s", "--dir", str(tmp_path / "a"))).exit_code == 0
    assert (tmp_path / "a" / "replica-2.log").read_bytes() == b"\xff\n"
    (tmp_path / "a" / "replica-2.log").unlink()
    assert contents(tmp_path / "a") == {
        "replica-1.log": "installing ...\nserving\n",
        "replica-1.node-1.log": "joined\n",
    }


async def test_decisions_and_requests_are_saved_too(
    run: Run, world: World, yaml: Path, settings: Settings, tmp_path: Path
) -> None:
    await deployed(run, yaml)
    view = json.loads((await run("serve", "status", "--json")).stdout)["services"][0]
    path = access_log(settings, "hello", view["incarnation"])
    path.parent.mkdir(parents=True)
    path.with_name(path.name + ".1").write_text("GET /old\n")
    path.write_text("GET /new\n")
    saved = await save(run, tmp_path / "a")
    assert saved["load_balancer.log"] == "GET /old\nGET /new\n"
    assert "port: endpoint port 30001" in saved["controller.log"]


async def test_one_replica_alone_can_be_saved(run: Run, settings: Settings, tmp_path: Path) -> None:
    await write(settings, b"one\n")
    await write(settings, b"two\n", replica=2)
    assert await save(run, tmp_path / "a", "2") == {"replica-2.log": "two\n"}


async def test_the_default_place_is_below_the_user_s_home(
    run: Run, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    await write(settings, b"one\n")
    result = json.loads((await run("serve", "logs", "hello", "-s", "--json")).stdout)
    assert Path(result["directory"]).parent == tmp_path / "skyflow_logs" / "service"
    assert result["files"] == [{"file": "replica-1.log", "bytes": 4}]
    assert contents(Path(result["directory"])) == {"replica-1.log": "one\n"}


async def test_an_unknown_replica_leaves_nothing(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    await write(settings, b"one\n")
    result = await run("serve", "logs", "hello", "7", "-s", "--dir", str(tmp_path / "in" / "a"))
    assert result.exit_code == Exit.USAGE
    assert "replicas with logs: 1" in result.stderr
    assert contents(tmp_path / "in") == {}


async def test_a_directory_that_is_not_empty_is_refused(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    await write(settings, b"one\n")
    (tmp_path / "mine").write_text("mine")
    result = await run("serve", "logs", "hello", "-s", "--dir", str(tmp_path))
    assert result.exit_code == Exit.USAGE
    assert "is not empty" in result.stderr


async def test_a_place_that_cannot_be_written_is_named(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    await write(settings, b"one\n")
    (tmp_path / "file").write_text("")
    result = await run("serve", "logs", "hello", "-s", "--dir", str(tmp_path / "file" / "a"))
    assert result.exit_code == Exit.USAGE
    assert f"cannot write the logs to {tmp_path}/file/a: {tmp_path}/file: " in result.stderr


async def test_files_that_cannot_be_written_to_their_end_leave_nothing(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    await write(settings, b"x" * MOST_BYTES * 2)
    target = tmp_path / "in" / "a"
    limited = await spawned(
        *("serve", "logs", "hello", "-s", "--dir", str(target)),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES)),
    )
    _, errors = await limited.communicate()
    assert limited.returncode == Exit.FAILED
    assert f"cannot write the logs to {target}: File too large" in errors.decode()
    assert contents(target.parent) == {}


async def test_options_that_only_make_sense_with_it_are_refused_without(run: Run) -> None:
    for options in (["--dir", "x"], ["--json"], ["-s", "--follow"], ["-s", "--tail", "1"]):
        assert (await run("serve", "logs", "hello", *options)).exit_code == Exit.USAGE
