"""What one process of the data plane does between its start and its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from lb.data.access_log import AccessLogs
from lb.data.control_socket import PrivateSocket
from lb.data.endpoint_files import EndpointFiles
from lb.data.presence import Presence
from lb.data.registry import Registry
from lb.data.share import ALL, Share
from lb.data.sockets import Sockets
from lb.data.upkeep import Upkeep
from lb.files import control_socket, leaving_socket
from skyflow.config import Settings

STOP_SECONDS = 10.0
"""Time for requests in flight when the process is asked to end."""
LEAVE_SECONDS = 3600.0
"""Time for what is in flight when another process has taken over: nothing waits for its end."""

_IDLE_SECONDS = 5.0
"""Time for connections without a request when another process has taken over: one that comes
meanwhile is answered, and told that the connection ends."""
_ALLOCATIONS = 20_000
"""New objects between two looks for unused ones."""
_RETRY_SECONDS = 1.0
"""Time between two attempts to listen on the control socket."""

_log = logging.getLogger(__name__)


class Serving:
    """One process of the data plane: the first of several is the one that writes to disk."""

    def __init__(self, settings: Settings, sockets: Sockets, share: Share = ALL) -> None:
        number = share.number
        self._settings = settings
        self._sockets = sockets
        self._logs = AccessLogs(settings.balancer / "access")
        files = EndpointFiles(settings.balancer / "endpoints", read_only=number > 0)
        self._registry = Registry(sockets, files, self._logs, share=share)
        self._presence = Presence(settings.balancer / "alive.json", read_only=number > 0)
        self._socket = PrivateSocket(control_socket(settings, number))
        self._stop = asyncio.Event()
        self._leave = asyncio.Event()

    async def run(self, begun: Callable[[], Awaitable[None]]) -> None:
        """Serve until SIGTERM, SIGINT or `leave`, and then finish what is in flight.

        Args:
            begun: Called when everything on disk is served, and waited for before this process
                answers at the control interface.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        # What clients wait for first, before anybody can change it.
        await self._registry.load(self._presence.last())
        _log.info("serving %d services", len(self._registry.slots()))
        _collect_seldom()
        await begun()
        upkeep = asyncio.create_task(Upkeep(self._registry, self._presence).run())
        others = [asyncio.create_task(task) for task in (self._logs.run(), self._control())]
        await _first(self._stop, self._leave)
        # A process that has taken over keeps the files from now on.
        await _cancelled(upkeep)
        await self._end()
        await _cancelled(*others)
        await self._logs.close()

    def leave(self) -> None:
        """Stop accepting, as another process does; make room for it at the control interface."""
        self._socket.move(leaving_socket(self._settings, os.getpid()))
        self._registry.leave()
        self._sockets.let_go()
        self._leave.set()

    async def _end(self) -> None:
        if not self._stop.is_set():
            _log.info("replaced: finishing what is in flight")
            await self._finished(_IDLE_SECONDS)
            self._registry.close()
            await self._finished(LEAVE_SECONDS)
        if self._stop.is_set():
            _log.info("stopping: no new connections, %g s for what is in flight", STOP_SECONDS)
            self._registry.close()
            self._sockets.let_go()
            await self._finished(STOP_SECONDS, heeds_stop=False)
        self._registry.abort()
        await self._registry.finished()
        _log.info("stopped")

    async def _finished(self, seconds: float, *, heeds_stop: bool = True) -> None:
        """Wait until nothing is in flight, for so long at most, or until told to stop."""
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(self._registry.finished())]
        if heeds_stop:
            tasks.append(asyncio.create_task(self._stop.wait()))
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        await _cancelled(*tasks)

    async def _control(self) -> None:
        """Answer on the control socket until cancelled; a disk that fails is waited for."""
        failed = False
        while True:
            try:
                await self._answer()
            except Exception as error:
                if not failed:
                    trace = not isinstance(error, OSError)
                    path = self._socket.path
                    _log.error("nobody is answered on %s for now: %s", path, error, exc_info=trace)
                failed = True
                await asyncio.sleep(_RETRY_SECONDS)

    async def _answer(self) -> None:
        # In a thread, as requests are served already: these load longer than all the rest.
        web, api = await asyncio.to_thread(_control_modules)
        application = api.control_application(self._registry)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.SockSite(runner, self._socket.bind()).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()
            self._socket.unbind()


def _collect_seldom() -> None:
    """Look for unused objects that refer to each other less often than Python would.

    Requests leave none behind: each look goes through all connections and finds nothing.
    """
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS)


def _control_modules() -> tuple[ModuleType, ModuleType]:
    from aiohttp import web

    from lb.data import api

    return web, api


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    await _cancelled(*waiting)


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
