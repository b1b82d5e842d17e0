"""A worker that dies, and one that has much to watch, hold nothing up."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from skyflow.contracts import PREPARE_REPLICA, WATCH_REPLICA

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]


async def test_a_worker_that_is_told_to_end_hands_its_activities_on(
    told_to_end: Awaitable[dict[str, float]],
) -> None:
    seconds = await told_to_end
    assert set(seconds) == {PREPARE_REPLICA.name, WATCH_REPLICA.name}
    # 5 s on a computer with nothing else to do; far from what a missed heartbeat takes.
    assert max(seconds.values()) < 10


async def test_what_a_killed_worker_did_is_taken_up_within_45_seconds(
    killed: Awaitable[dict[str, float]],
) -> None:
    seconds = await killed
    assert set(seconds) == {PREPARE_REPLICA.name, WATCH_REPLICA.name}
    assert max(seconds.values()) < 45


async def test_many_watches_starve_nothing(
    starved: Awaitable[dict[str, float]],
) -> None:
    waits = await starved
    assert max(waits.values()) < 5
