"""Clients that go while nothing is read from them: all that is held of their bodies has come."""

from __future__ import annotations

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import pytest

from lb.data.request import REPLAY_LIMIT
from skyflow.state import QueueLimits
from tests.lb.plane import Plane, Served, endpoints
from tests.lb.wire import connection, content, get, replica
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no other system tells")
PATIENT = QueueLimits(max_requests=9, max_wait_seconds=60)
LONG = 2 * REPLAY_LIMIT


async def queued(served: Served) -> int:
    return (await served.counters()).load.queued


def unread(port: int, client: StreamWriter) -> bool:
    """Return whether the system holds bytes for the balancer that it does not read."""
    ends = f":{port:04X}", f":{client.get_extra_info('sockname')[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines():
        found = line.split()
        if found[1].endswith(ends[0]) and found[2].endswith(ends[1]):
            return int(found[4].partition(":")[2], 16) > 0
    return False


@pytest.mark.parametrize("at_once", [REPLAY_LIMIT + 1, REPLAY_LIMIT - 1])
async def test_a_client_that_goes_is_noticed_although_more_of_its_body_waits(
    plane: Plane, at_once: int
) -> None:
    served = await plane.serve(queue=PATIENT)
    async with connection(served.port) as (_, writer):
        writer.write(get("/", f"Content-Length: {LONG}", method="POST") + b"x" * at_once)
        await eventually(lambda: queued(served), what="it waits")

        def is_not_read() -> bool:
            writer.write(b"x" * 100)
            return unread(served.port, writer)

        await eventually(is_not_read)
    await eventually(lambda: freed(served), seconds=5)


async def freed(served: Served) -> bool:
    return not await queued(served)


async def test_a_client_that_stays_is_read_on_when_there_is_a_replica(plane: Plane) -> None:
    async def measures(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        size = b"%d" % len(await reader.readexactly(LONG))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(size), size))

    served = await plane.serve(queue=PATIENT)
    async with replica(measures) as upstream, connection(served.port) as (reader, writer):
        writer.write(get("/", f"Content-Length: {LONG}", method="POST") + b"x" * LONG)
        await eventually(lambda: queued(served), what="it waits")
        await served.change(endpoints=endpoints(upstream.url))
        async with asyncio.timeout(15):
            assert content(await reader.read()) == b"%d" % LONG
