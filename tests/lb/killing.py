"""Replicas killed one after the other under the load of many clients."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp
from aiohttp import web

from tests.lb.plane import Plane, free_port
from tests.lb.wire import connection
from tests.waiting import eventually

CLIENTS = 100
REPLICAS = 3
KILL_EVERY = 5.0
"""Seconds from one kill to the next."""
PAUSE = 0.05
"""Seconds between two requests of one client: what is shown is losses, not speed."""

Outcomes = Counter[str]


async def outcomes_while_killing(plane: Plane, seconds: float) -> Outcomes:
    """Return how many requests ended how, while one of three replicas after the other is killed.

    Each is started again at once, and is back before the next one is killed.
    """
    async with AsyncExitStack() as stack:
        ports = [free_port() for _ in range(REPLICAS)]
        replicas = [await stack.enter_async_context(kept_running(port)) for port in ports]
        served = await plane.serve(*(f"http://127.0.0.1:{port}" for port in ports))
        outcomes, stop = Outcomes(), asyncio.Event()
        load = asyncio.create_task(_load(served.url, outcomes, stop))
        began = time.monotonic()
        kills = 0
        while time.monotonic() < began + seconds and not load.done():
            await replicas[kills % REPLICAS].kill()
            kills += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(load), KILL_EVERY)
        stop.set()
        await load
    return outcomes


class KeptRunning:
    """A replica's process, started again by whoever kills it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._process: Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "tests.lb.killing", str(self._port)]
        self._process = await asyncio.create_subprocess_exec(*command, stderr=DEVNULL)
        await eventually(self._listens, what=f"a replica listens on {self._port}")

    async def kill(self) -> None:
        await self.end()
        await self.start()

    async def end(self) -> None:
        assert self._process
        self._process.kill()
        await self._process.wait()

    async def _listens(self) -> bool:
        try:
            async with connection(self._port):
                return True
        except ConnectionRefusedError:
            return False


@asynccontextmanager
async def kept_running(port: int) -> AsyncIterator[KeptRunning]:
    running = KeptRunning(port)
    await running.start()
    try:
        yield running
    finally:
        await running.end()


async def _load(url: str, outcomes: Outcomes, stop: asyncio.Event) -> None:
    async def client(session: aiohttp.ClientSession) -> None:
        while not stop.is_set():
            outcomes[await _outcome(session, url)] += 1
            await asyncio.sleep(PAUSE)

    connector = aiohttp.TCPConnector(limit=CLIENTS)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(client(session) for _ in range(CLIENTS)))


async def _outcome(session: aiohttp.ClientSession, url: str) -> str:
    try:
        async with session.get(url) as answer:
            return f"{answer.status} {await answer.text()}"
    except aiohttp.ClientError as error:
        return repr(error)


async def _answer(request: web.Request) -> web.Response:
    return web.Response(text="here")


if __name__ == "__main__":
    application = web.Application()
    application.router.add_get("/", _answer)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None)
