"""docs/cli.md names every command, flag and exit code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.exits import Exit
from cli.main import root

DOCUMENT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def _commands(
    command: click.Command = root, path: str = "skyflow"
) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _commands(child, f"{path} {name}")


def _section(path: str) -> str:
    found = re.search(rf"^##+ `{path}`\n(.*?)(?=^##|\Z)", DOCUMENT, re.M | re.S)
    assert found, f"docs/cli.md has no section `{path}`"
    return found[1]


COMMANDS = list(_commands())


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_flag_is_documented(path: str, command: click.Command) -> None:
    section = _section(path)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            for flag in (*parameter.opts, *parameter.secondary_opts):
                assert f"`{flag}" in section, f"{path} {flag}"


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_no_flag_is_documented_that_is_not_there(path: str, command: click.Command) -> None:
    flags = {flag for parameter in command.params for flag in parameter.opts}
    flags |= {flag for parameter in command.params for flag in parameter.secondary_opts}
    rows = [line for line in _section(path).splitlines() if line.startswith("| `-")]
    documented = {flag for row in rows for flag in re.findall(r"`(--?[\w-]+)", row.split("|")[1])}
    assert documented - {"-h", "--help"} <= flags


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_is_documented(code: Exit) -> None:
    assert re.search(rf"^\| {code.value} \|", DOCUMENT, re.M)


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_command_teaches_with_an_example(path: str, command: click.Command) -> None:
    if not isinstance(command, click.Group):
        assert f"  {path}" in (command.epilog or "")
