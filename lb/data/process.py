"""The data-plane process."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from contextlib import suppress

import uvloop
from aiohttp import web

from lb.data.access_log import AccessLogs
from lb.data.api import control_application
from lb.data.control_socket import control_socket_at
from lb.data.endpoint_files import EndpointFiles
from lb.data.registry import Registry
from lb.reports import control_socket
from skyflow.config import Settings
from skyflow.processes import allow_many_files

STOP_SECONDS = 10.0
"""Time for requests in flight when the process is asked to end."""

_log = logging.getLogger(__name__)


def run(settings: Settings, bind: str) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        StackError: Another data plane runs, or the control socket's path is too long.
    """
    allow_many_files()
    with control_socket_at(control_socket(settings)) as bound:
        uvloop.run(_serve(settings, bind, bound))


async def _serve(settings: Settings, bind: str, control: socket.socket) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    logs = AccessLogs(settings.balancer / "access")
    files = EndpointFiles(settings.balancer / "endpoints")
    registry = Registry(bind, files, logs)
    # What clients wait for first, before anybody can change it.
    await registry.load()
    runner = web.AppRunner(control_application(registry), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, control).start()
    background = [asyncio.create_task(logs.run()), asyncio.create_task(registry.mend())]
    _log.info("serving %d services on %s", len(registry.endpoint_sets()), bind)
    await stop.wait()
    await _finish(registry)
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await logs.close()
    await runner.cleanup()


async def _finish(registry: Registry) -> None:
    _log.info("stopping: no new connections, up to %g s for what is in flight", STOP_SECONDS)
    registry.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await registry.finished()
    registry.abort()
    await registry.finished()
    _log.info("stopped")
