"""Histories are recorded from code that has landed, not from what lies about."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.workflows.record import changes, work_tree


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "service.py").write_text("landed = True\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    author = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    git(tmp_path, *author, "commit", "--quiet", "-m", "land")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True)


def test_what_differs_from_a_commit_is_named(repository: Path) -> None:
    assert changes(repository, "HEAD") == []
    (repository / "workflows" / "service.py").write_text("landed = False\n")
    (repository / "workflows" / "new.py").write_text("")
    (repository / "notes.py").write_text("")
    assert changes(repository, "HEAD") == ["workflows/new.py", "workflows/service.py"]


def test_what_is_recorded_is_what_has_landed(repository: Path) -> None:
    (repository / "workflows" / "service.py").write_text("landed = False\n")
    with work_tree(repository, "HEAD") as tree:
        assert (tree / "workflows" / "service.py").read_text() == "landed = True\n"
    assert not tree.exists()
    assert list((repository / ".git" / "worktrees").glob("*")) == []
