"""Records histories for the replay tests from code that has landed: `... .record [COMMIT]`.

What is replayed must be what real installations have in their histories, not what code under change
would write. So the scenarios are played in a work tree of the commit, which is HEAD unless another
one is given, and nothing is recorded while the code here differs from it: one would think that what
was changed is recorded. `--despite-changes` records all the same.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.workflows.replay import HISTORIES_FOLDER

ROOT = Path(__file__).parents[2]
RECORDED = ("workflows", "skyflow", "activities", "tests/workflows")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.workflows.record")
    parser.add_argument("commit", nargs="?", default="HEAD")
    parser.add_argument("--despite-changes", action="store_true")
    given = parser.parse_args()
    if not given.despite_changes and (changed := changes(ROOT, given.commit)):
        sys.exit(
            f"not recorded, for these differ from {given.commit}: {', '.join(changed)}\n"
            "Commit them, or give the commit to record or --despite-changes."
        )
    for name in record(ROOT, given.commit, HISTORIES_FOLDER):
        sys.stderr.write(f"{name}: of no scenario now; it must replay, or be removed\n")


def changes(root: Path, commit: str) -> list[str]:
    """Return the files that histories depend on and that differ from a commit."""
    tracked = _git(root, "diff", "--name-only", commit, "--", *RECORDED)
    fresh = _git(root, "ls-files", "--others", "--exclude-standard", "--", *RECORDED)
    found = [name for name in (tracked + fresh).splitlines() if name.endswith(".py")]
    return sorted(found)


def record(root: Path, commit: str, folder: Path) -> list[str]:
    """Play the scenarios of a commit; return the histories in the folder that it did not write."""
    with work_tree(root, commit) as tree, tempfile.TemporaryDirectory() as fresh:
        subprocess.run(
            [sys.executable, "-m", "tests.workflows.scenarios", fresh],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        folder.mkdir(exist_ok=True)
        written = [shutil.copy(path, folder) for path in Path(fresh).glob("*.json")]
    kept = {path.name for path in folder.glob("*.json")} - {Path(path).name for path in written}
    return sorted(kept)


@contextmanager
def work_tree(root: Path, commit: str) -> Iterator[Path]:
    """Give a work tree of a commit, and remove it in the end."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", root, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


if __name__ == "__main__":
    main()
