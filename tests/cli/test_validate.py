"""`skyflow serve validate` says what `up` would, without a stack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from cli.exits import Exit
from skyflow.config import Settings
from tests.cli.conftest import Run, change

NEEDLESS = {"temporalio", "asyncssh", "obstore", "aiohttp", "boto3"}


async def test_a_valid_file_is_said_to_be_valid(run: Run, yaml: Path) -> None:
    result = await run("serve", "validate", str(yaml))
    assert result.exit_code == Exit.OK, result.output
    assert f"{yaml} is valid: service 'hello' with 2 replicas" in result.stdout
    assert "listening on port 8080" in result.stdout


async def test_a_program_gets_one_document(run: Run, yaml: Path) -> None:
    result = await run("serve", "validate", str(yaml), "--json")
    answer = json.loads(result.stdout)
    assert (answer["valid"], answer["name"], answer["replicas"]) == (True, "hello", 2)
    assert (answer["unsupported"], answer["notices"]) == ([], [])


async def test_every_problem_is_shown_with_its_line_and_a_caret(run: Run, yaml: Path) -> None:
    change(yaml, "replicas: 2", "replicas: many")
    change(yaml, "run:", "runn:")
    result = await run("serve", "validate", str(yaml))
    assert result.exit_code == Exit.USAGE
    assert "    6 |   replicas: many\n      |             ^" in result.stderr
    assert "    7 | runn: python" in result.stderr


async def test_problems_can_be_read_by_a_program(run: Run, yaml: Path) -> None:
    change(yaml, "replicas: 2", "replicas: many")
    result = await run("serve", "validate", str(yaml), "--json")
    assert result.exit_code == Exit.USAGE
    [problem] = json.loads(result.stdout)["error"]["problems"]
    assert (problem["key"], problem["line"]) == ("service.replicas", 6)


async def test_what_cannot_be_carried_out_is_listed_with_its_line(run: Run, yaml: Path) -> None:
    change(yaml, "  replicas: 2", "  replicas: 2\n  rate_limit: {requests_per_second: 4}")
    result = await run("serve", "validate", str(yaml))
    assert result.exit_code == Exit.OK, result.output
    assert f"{yaml}:7:3: service.rate_limit" in result.stdout
    assert "    7 |   rate_limit: {requests_per_second: 4}" in result.stdout


async def test_what_has_no_effect_is_listed_with_its_line(run: Run, yaml: Path) -> None:
    change(yaml, "  cloud: local", "  cloud: local\n  autostop: true")
    result = await run("serve", "validate", str(yaml), "--json")
    [notice] = json.loads(result.stdout)["notices"]
    assert (notice["key"], notice["line"]) == ("resources.autostop", 4)


async def test_missing_variables_are_named_and_can_be_given(run: Run, yaml: Path) -> None:
    change(yaml, "run:", "envs: {MODEL: null}\nsecrets: {TOKEN_OF_TEST: null}\nrun:")
    refused = await run("serve", "validate", str(yaml))
    assert "--env MODEL=" in refused.stderr
    assert "--secret TOKEN_OF_TEST=" in refused.stderr
    given = ("--env", "MODEL=a", "--secret", "TOKEN_OF_TEST=b")
    assert (await run("serve", "validate", str(yaml), *given)).exit_code == Exit.OK


async def test_a_missing_file_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    result = await run("serve", "validate", str(tmp_path / "none.yaml"))
    assert result.exit_code == Exit.USAGE
    assert "cannot be read" in result.stderr


async def test_nothing_is_written(run: Run, yaml: Path, settings: Settings) -> None:
    await run("serve", "validate", str(yaml))
    assert not settings.home.exists()


def test_none_of_what_deploying_needs_is_imported(yaml: Path) -> None:
    program = (
        f"import sys; from cli.main import run; run(['serve', 'validate', {str(yaml)!r}]);"
        f"print(sorted({NEEDLESS!r} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.endswith("[]\n"), answer.stderr
