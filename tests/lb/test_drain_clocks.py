"""A drain ends when the server's clock says so, whatever the balancer's own clock says."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from lb.control.activities import BalancerActivities
from skyflow.contracts import DrainRequest
from tests.lb.plane import Plane
from tests.lb.test_endpoint_sets import Slow
from tests.lb.wire import connection, get
from tests.lb.wire import replica as started_replica


@pytest.mark.parametrize("ahead", [-600, 0, 600])
async def test_a_clock_that_is_ten_minutes_off_neither_cuts_nor_waits(
    plane: Plane, ahead: float
) -> None:
    server_time = time.time() + ahead
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info, started_time=datetime.fromtimestamp(server_time, UTC)
    )
    activities = BalancerActivities(plane.api)
    slow = Slow()
    async with started_replica(slow) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\nabc")
            request = DrainRequest(
                service=served.endpoints.service, replica_id=1, deadline=server_time + 0.5
            )
            begin = time.monotonic()
            assert (await environment.run(activities.drain_replica, request)).remaining == 1
            assert 0.4 < time.monotonic() - begin < 30
            slow.finish.set()
            assert await reader.read() == b"def"
