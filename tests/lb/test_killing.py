"""Replicas that are killed under load cost no client an error."""

from __future__ import annotations

import os

import pytest

from tests.lb.killing import outcomes_while_killing
from tests.lb.plane import Plane

SECONDS = float(os.environ.get("KILLING_SECONDS", "20"))
"""Much longer in `make chaos`."""


@pytest.mark.timeout(SECONDS + 180)
async def test_replicas_killed_one_after_the_other_cost_no_error(plane: Plane) -> None:
    outcomes = await outcomes_while_killing(plane, SECONDS)
    assert set(outcomes) == {"200 here"}
    assert outcomes.total() > 1000
