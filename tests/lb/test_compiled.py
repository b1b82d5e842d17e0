"""The data plane that the wheel has, compiled to C, does what the one in Python does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lb.compiled import run_tests, unpacked_wheel

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler"),
    pytest.mark.xdist_group("compiled"),
    pytest.mark.timeout(900),
]

PATHS = ("requests", "framing", "streaming", "queue", "retries", "upgrade", "fuzz", "clients")
"""Tests of what passes through it; `make test-compiled` has all of them."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked_wheel(tmp_path_factory.mktemp("wheel"))


def test_it_is_compiled(unpacked: Path) -> None:
    program = "import lb.data.exchange, lb.http.heads; print(lb.data.exchange, lb.http.heads)"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=unpacked, capture_output=True, text=True, check=True
    )
    assert shown.stdout.count(".so") == 2


def test_requests_pass_through_it_as_through_the_other(unpacked: Path) -> None:
    outcome = run_tests(unpacked, ["-n2", *(f"tests/lb/test_{name}.py" for name in PATHS)])
    assert outcome.returncode == 0, outcome.stdout
