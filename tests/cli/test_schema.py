"""`skyflow serve schema` prints the schema or writes it."""

from __future__ import annotations

import json
from pathlib import Path

from cli.exits import Exit
from skyflow.spec.schema import service_schema
from tests.cli.conftest import Run


async def test_the_schema_is_printed(run: Run) -> None:
    result = await run("serve", "schema")
    assert (result.exit_code, json.loads(result.stdout)) == (Exit.OK, service_schema())


async def test_the_schema_is_written_to_a_file(run: Run, tmp_path: Path) -> None:
    result = await run("serve", "schema", "--output", str(tmp_path / "s.json"))
    assert (result.exit_code, result.stdout) == (Exit.OK, "")
    assert json.loads((tmp_path / "s.json").read_text()) == service_schema()


async def test_a_file_that_cannot_be_written_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    result = await run("serve", "schema", "--output", str(tmp_path / "none" / "s.json"))
    assert result.exit_code == Exit.USAGE
    assert "cannot be written" in result.stderr
