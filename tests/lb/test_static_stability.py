"""The endpoint with nothing else alive: no Temporal, no worker, no control process."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import aiohttp

from lb.control.data_plane import DataPlane
from skyflow.config import Settings
from skyflow.state import EndpointSet
from tests.lb.plane import Served, answering, endpoint_set, free_port, process
from tests.lb.test_retries import server, steady_gets
from tests.waiting import eventually


async def test_replicas_come_and_go_without_an_error(home: Path) -> None:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(DataPlane(Settings(home=home)))
        ports = [free_port(), free_port()]
        first, _ = [await stack.enter_async_context(server(port)) for port in ports]
        wanted = endpoint_set(*(f"http://127.0.0.1:{port}" for port in ports))
        stack.enter_context(process(home, "data"))
        await answering(api)
        served = Served(api, home, await api.apply(wanted))
        stop, codes = asyncio.Event(), list[int]()
        load = asyncio.create_task(steady_gets(served.url, stop, codes))
        first.kill()
        await first.wait()

        async def passed_over() -> bool:
            return (await served.replica(1)).failures > 0 or load.done()

        async def used_again() -> bool:
            return (await served.replica(1)).codes.get("200", 0) > before or load.done()

        await eventually(passed_over)
        before = (await served.replica(1)).codes.get("200", 0)
        await stack.enter_async_context(server(ports[0]))

        await eventually(used_again)
        stop.set()
        await load
        assert set(codes) == {200}


async def test_a_killed_data_plane_goes_on_where_it_was(home: Path) -> None:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(DataPlane(Settings(home=home)))
        ports = [free_port(), free_port()]
        await stack.enter_async_context(server(ports[0]))
        wanted = endpoint_set(*(f"http://127.0.0.1:{port}" for port in ports))
        with ExitStack() as first:
            first.enter_context(process(home, "data"))
            await answering(api)
            await served_by(await api.apply(wanted), 200)
            saved = home / "balancer" / "endpoints"
            await eventually(lambda: any("since" in f.read_text() for f in saved.glob("*.json")))
        stack.enter_context(process(home, "data"))
        await answering(api)
        await served_by(wanted, 200)
        served = Served(api, home, wanted)
        assert (await served.replica(2)).requests == 0  # known to be away
        await stack.enter_async_context(server(ports[1]))

        async def readmitted() -> bool:
            await served_by(wanted, 200)
            return (await served.replica(2)).requests > 0

        await eventually(readmitted)
        assert (await served.replica(2)).failures == 0


async def served_by(endpoints: EndpointSet, code: int) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(4):
            async with session.get(f"http://127.0.0.1:{endpoints.port}") as response:
                assert response.status == code
