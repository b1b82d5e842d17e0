from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.local.mode import own_network_problem
from skyflow.config import Settings
from tests.clouds.aws.policy import allowed_actions
from tests.clouds.aws_bench.bench import AwsBench, running_bench


@pytest.fixture(scope="package")
async def _bench() -> AsyncIterator[AwsBench]:
    async with running_bench() as bench:
        yield bench


@pytest.fixture
async def bench(_bench: AwsBench) -> AsyncIterator[AwsBench]:
    """Return the bench as it is at the beginning; its instances are not backed by machines."""
    await _bench.reset()
    yield _bench
    assert _bench.problems == []
    assert _bench.used_actions() <= allowed_actions()


@pytest.fixture
def machines(bench: AwsBench) -> None:
    """Back the instances of the bench by machines."""
    if problem := own_network_problem():
        pytest.skip(f"instances cannot be machines here: {problem}")
    bench.back_with_machines()


@pytest.fixture
def aws(bench: AwsBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AwsCloud:
    """Return the cloud that uses the bench."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SKYFLOW_AWS_"))]:
        monkeypatch.delenv(name)
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)
    return AwsCloud(Settings(home=tmp_path))
