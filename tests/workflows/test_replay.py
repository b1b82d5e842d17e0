"""Histories of earlier code replay with today's workflows."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from temporalio.workflow import NondeterminismError

from tests.workflows.replay import HISTORIES, replay


def test_every_workflow_has_a_recorded_history() -> None:
    names = " ".join(path.stem for path in HISTORIES)
    assert all(kind in names for kind in ("service", "replica", "installation"))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    await replay(path)


async def test_a_history_that_differs_is_noticed(tmp_path: Path) -> None:
    recorded = next(path for path in HISTORIES if path.stem == "service-to-its-end")
    altered = tmp_path / recorded.name
    altered.write_text(recorded.read_text().replace("apply_endpoints", "apply_something"))
    with pytest.raises(NondeterminismError):
        await replay(altered)


@pytest.mark.parametrize("seed", ["1", "2"])
async def test_histories_replay_whatever_the_hash_seed(seed: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.workflows.replay",
        env={**os.environ, "PYTHONHASHSEED": seed},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
