"""The command as a whole: fast, exact about exit codes, and without tracebacks."""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli.exits import Exit
from cli.main import run as run_arguments
from skyflow import __version__
from tests.cli.conftest import Run

MODULES_TOO_SLOW_FOR_HELP = {"temporalio", "asyncssh", "obstore", "pydantic", "rich", "yaml"}


async def test_the_version_is_shown(run: Run) -> None:
    assert (await run("--version")).stdout == f"skyflow, version {__version__}\n"


def test_help_needs_none_of_the_slow_libraries() -> None:
    program = (
        "import sys; from cli.main import run; run(['serve', 'up', '--help']);"
        f"print(sorted({MODULES_TOO_SLOW_FOR_HELP!r} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.endswith("[]\n"), answer.stderr


def test_help_is_fast() -> None:
    """In seconds of processor time, which other work on the computer does not lengthen."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run([sys.executable, "-m", "cli", "--help"], check=True, capture_output=True)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

    assert min(once() for _ in range(5)) < 0.3


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("serve", "nonsense"), ("serve", "up"), ("serve", "scale", "a", "-1")],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert run_arguments(arguments) == Exit.USAGE


def test_a_wrong_command_line_is_json_where_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_arguments(["serve", "scale", "hello", "many", "--json"]) == Exit.USAGE
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "UsageError"


async def test_a_setting_that_is_not_allowed_is_a_usage_error(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYFLOW_LOCAL_NETWORK", "wifi")
    result = await run("serve", "status")
    assert result.exit_code == Exit.USAGE
    assert "wifi" in result.stderr


async def test_a_temporal_that_does_not_answer_is_unavailable(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skyflow.client.CONNECT_SECONDS", 0.5)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    result = await run("serve", "status", "--json")
    assert result.exit_code == Exit.UNAVAILABLE
    assert json.loads(result.stdout)["error"]["kind"] == "ControllerUnavailable"


async def test_an_unexpected_error_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "home").write_text("a file where the directory should be")
    result = await run("serve", "logs", "hello")
    assert result.exit_code != Exit.OK
    assert "Traceback" not in result.output


def test_a_reader_that_leaves_is_no_crash() -> None:
    command = f"{shlex.quote(sys.executable)} -m cli check --json | true; exit ${{PIPESTATUS[0]}}"
    answer = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=dict(os.environ)
    )
    assert answer.stderr == ""


async def test_no_colour_where_there_is_no_terminal(run: Run) -> None:
    assert "\x1b" not in (await run("check")).output


async def test_check_says_which_clouds_can_be_used(run: Run) -> None:
    clouds = json.loads((await run("check", "--json")).stdout)["clouds"]
    local = next(cloud for cloud in clouds if cloud["cloud"] == "local")
    assert (local["enabled"], local["by_default"]) == (True, True)
