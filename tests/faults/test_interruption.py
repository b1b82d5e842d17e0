"""A machine that will be taken away is left in time: nothing in flight is cut."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from skyflow.state import ReplicaPhase
from tests.faults.interruption import Interruption

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]


async def test_a_replica_with_a_notice_is_replaced_without_an_error(
    interrupted: Awaitable[Interruption],
) -> None:
    outcome = await interrupted
    assert outcome.failures == []
    assert outcome.answers > 2
    assert outcome.ended.phase is ReplicaPhase.PREEMPTED
    assert outcome.ended.reason.startswith("interruption notice: preemption at ")
