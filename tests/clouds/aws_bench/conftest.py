from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from skyflow.clouds.local.mode import own_network_problem
from tests.clouds.aws_bench.bench import AwsBench, running_bench


@pytest.fixture(scope="session")
async def _bench() -> AsyncIterator[AwsBench]:
    async with running_bench() as bench:
        yield bench


@pytest.fixture
async def bench(_bench: AwsBench) -> AsyncIterator[AwsBench]:
    """Return the bench as it is at the beginning; its instances are not backed by machines."""
    await _bench.reset()
    yield _bench
    assert _bench.problems == []


@pytest.fixture
def machines(bench: AwsBench) -> None:
    """Back the instances of the bench by machines."""
    if problem := own_network_problem():
        pytest.skip(f"instances cannot be machines here: {problem}")
    bench.back_with_machines()
