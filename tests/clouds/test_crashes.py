"""Whenever one who makes or ends a machine is killed, the ledger is true and nothing is lost."""

from __future__ import annotations

import sys
from asyncio import create_subprocess_exec
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest


@pytest.mark.parametrize(
    ("cloud", "machines", "what", "stride", "windows"),
    [
        ("local", "local", "launches", 1, 5),
        ("local", "local", "terminations", 1, 8),
        ("fake", "none", "launches", 1, 6),
        ("fake", "none", "terminations", 1, 5),
        ("fake", "local", "preemptions", 4, 10),
    ],
)
async def test_the_ledger_is_true_whenever_somebody_is_killed(
    tmp_path: Path, cloud: str, machines: str, what: str, stride: int, windows: int
) -> None:
    sweep = (tmp_path, cloud, machines, what, str(stride))
    command = (sys.executable, "-m", "tests.clouds.crashing", *sweep)
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert int(output) >= windows
