"""What `make test-aws` does, at the bench."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from tests.clouds.aws_bench.bench import AwsBench
from tests.e2e.stack import ROOT, Outcome, ended

pytestmark = pytest.mark.xdist_group("e2e-aws")


async def run(**variables: str) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.e2e.aws.real_account",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **variables},
        cwd=ROOT,
    )
    return await ended(process)


async def test_one_machine_serves_and_is_gone(bench: AwsBench) -> None:
    outcome = await run(SKYFLOW_TEST_AWS="1", **bench.environment)
    assert outcome.status == 0, outcome
    assert "answers" in outcome.out
    [entry] = [entry for entry in bench.ledger.read()[-2:] if entry.event == "delete"]
    assert entry.name not in bench.ledger.existing()
    [call] = bench.calls("RunInstances")
    assert call.instance_type == "t3.small"


async def test_nobody_starts_a_machine_by_accident(bench: AwsBench) -> None:
    outcome = await run(**bench.environment)
    assert outcome.status == 2
    assert "SKYFLOW_TEST_AWS=1" in outcome.err
    assert bench.calls() == []


async def test_nothing_is_started_without_credentials() -> None:
    outcome = await run(SKYFLOW_TEST_AWS="1")
    assert outcome.status == 2
    assert "no AWS credentials" in outcome.err
