"""What workflows tell the server changes on purpose only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.workflows.commands import COMMANDS, WORKFLOWS, listing

REMEDY = (
    "read the head of tests/workflows/commands.txt, then run: python -m tests.workflows.commands"
)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Return a copy of the workflows to be changed."""
    return shutil.copytree(WORKFLOWS, tmp_path / "workflows")


def rewrite(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_the_commands_of_workflows_are_those_that_are_listed() -> None:
    assert listing(WORKFLOWS) == COMMANDS.read_text(), REMEDY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("call(TEARDOWN_REPLICA,", "call(LAUNCH_MACHINE,"),
        ("await workflow.sleep(wait)", "pass"),
        ("    while True:", "    await workflow.sleep(1)\n    while True:"),
        ("    while True:", '    workflow.patched("new")\n    while True:'),
    ],
)
def test_another_command_changes_the_list(changed: Path, before: str, after: str) -> None:
    rewrite(changed / "replica_end.py", before, after)
    assert listing(changed) != listing(WORKFLOWS)


def test_what_gives_no_command_does_not_change_the_list(changed: Path) -> None:
    rewrite(changed / "replica_end.py", "request = teardown_request", "wanted = teardown_request")
    rewrite(changed / "replica_end.py", "    wait = FIRST_WAIT", "    wait = 2 * FIRST_WAIT")
    assert listing(changed) == listing(WORKFLOWS)
