"""The data-plane process."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import uvloop

from lb.data.access_log import AccessLogs
from lb.data.control_socket import bind, sole_owner_of, unbind
from lb.data.endpoint_files import EndpointFiles
from lb.data.presence import Presence
from lb.data.registry import Registry
from lb.data.upkeep import Upkeep
from lb.files import control_socket
from skyflow.config import Settings
from skyflow.open_files import allow_many_files

STOP_SECONDS = 10.0
"""Time for requests in flight when the process is asked to end."""

_RETRY_SECONDS = 1.0
"""Time between two attempts to listen on the control socket."""

_log = logging.getLogger(__name__)


def run(settings: Settings, host: str) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        StackError: Another data plane runs, or the control socket's path is too long.
    """
    allow_many_files()
    with sole_owner_of(control_socket(settings)):
        uvloop.run(_serve(settings, host))


async def _serve(settings: Settings, host: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    logs = AccessLogs(settings.balancer / "access")
    files = EndpointFiles(settings.balancer / "endpoints")
    registry = Registry(host, files, logs)
    presence = Presence(settings.balancer / "alive.json")
    # What clients wait for first, before anybody can change it.
    await registry.load(presence.last())
    _log.info("serving %d services on %s", len(registry.slots()), host)
    upkeep = Upkeep(registry, presence)
    control = _control(registry, control_socket(settings))
    background = [asyncio.create_task(task) for task in (logs.run(), upkeep.run(), control)]
    await stop.wait()
    await _finish(registry)
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await logs.close()


async def _control(registry: Registry, path: Path) -> None:
    """Answer on the control socket until cancelled; a disk or a system that fails is waited for."""
    failed = False
    while True:
        try:
            await _answer(registry, path)
        except Exception as error:
            if not failed:
                trace = not isinstance(error, OSError)
                _log.error("nobody is answered on %s for now: %s", path, error, exc_info=trace)
            failed = True
            await asyncio.sleep(_RETRY_SECONDS)


async def _answer(registry: Registry, path: Path) -> None:
    # In a thread, as requests are served already: these take longer to load than all the rest.
    web, api = await asyncio.to_thread(_control_modules)
    runner = web.AppRunner(api.control_application(registry), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.SockSite(runner, bind(path)).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        unbind(path)


def _control_modules() -> tuple[ModuleType, ModuleType]:
    from aiohttp import web

    from lb.data import api

    return web, api


async def _finish(registry: Registry) -> None:
    _log.info("stopping: no new connections, up to %g s for what is in flight", STOP_SECONDS)
    registry.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await registry.finished()
    registry.abort()
    await registry.finished()
    _log.info("stopped")
