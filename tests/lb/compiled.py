"""The tests of the balancer on its wheel: `python -m tests.lb.compiled [arguments of pytest]`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BESIDE = ("tests", "examples", "pyproject.toml")
"""What tests need that is in no wheel."""


def unpacked_wheel(directory: Path) -> Path:
    """Build the wheel, compiled, unpack it with the tests beside it, and return where."""
    subprocess.run([ROOT / "scripts" / "wheel", directory], check=True, stdout=subprocess.DEVNULL)
    [wheel] = directory.glob("*.whl")
    unpacked = directory / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    for name in _BESIDE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, unpacked / name)
    return unpacked


def run_tests(unpacked: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run pytest with what was unpacked in the place of the working copy."""
    outer = ("PYTEST_", "COV_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(outer)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=unpacked,
        env={**environment, "PYTHONPATH": str(unpacked)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def main() -> None:
    """Build, run the tests, and say what they said."""
    with tempfile.TemporaryDirectory() as directory:
        outcome = run_tests(unpacked_wheel(Path(directory)), sys.argv[1:])
    print(outcome.stdout)  # noqa: T201 - it is a program
    sys.exit(outcome.returncode)


if __name__ == "__main__":
    main()
