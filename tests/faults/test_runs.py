"""Whatever is killed or frozen wherever: the service comes back, and nothing is left of it."""

from __future__ import annotations

import pytest

from tests.faults.conftest import SEEDS, Runs
from tests.faults.points import POINTS
from tests.faults.scenario import scenario

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]


def _named(seed: int) -> str:
    return f"{seed}: {'; '.join(map(str, scenario(seed).faults))}"


def test_the_seeds_come_by_every_point() -> None:
    assert len(SEEDS) == 20
    struck = {fault.point for seed in SEEDS for fault in scenario(seed).faults}
    assert struck == set(POINTS)


@pytest.mark.parametrize("seed", SEEDS, ids=_named)
async def test_a_service_survives(runs: Runs, seed: int) -> None:
    assert (await runs[seed]).problems == []
