"""Temporal may be away for a while: replicas neither end nor start for it."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from tests.faults.outage import Outage

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]


async def test_no_replica_is_restarted_or_lost(away: Awaitable[Outage]) -> None:
    outage = await away
    assert outage.before == outage.after
    assert len(outage.before) == 1
    assert len(outage.machines) == 1
    assert outage.ended == []


async def test_the_status_is_right_again_soon_after(away: Awaitable[Outage]) -> None:
    # 10 s on a computer with nothing else to do; here many other things run at the same time.
    assert (await away).seconds_until_status < 20
