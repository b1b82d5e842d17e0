"""The control process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import NoReturn

from aiohttp import web

from lb.control.admin import admin_application
from lb.control.data_plane import DataPlane
from lb.control.totals import Totals
from lb.control.worker import BalancerWorker
from skyflow.config import Settings
from skyflow.errors import StackError

_log = logging.getLogger(__name__)


def run(settings: Settings, balancer: str, admin_port: int) -> NoReturn:
    """Work until SIGTERM or SIGINT, with or without Temporal and the data plane; then exit.

    Raises:
        StackError: The admin port cannot be listened on.
    """
    asyncio.run(_run(settings, balancer, admin_port))
    logging.shutdown()
    # Threads of Temporal's SDK may still want the interpreter while it is being taken down, which
    # ends some runs with SIGSEGV or SIGABRT (temporalio/sdk-python#300). All work is done here.
    os._exit(0)


async def _run(settings: Settings, balancer: str, admin_port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with DataPlane(settings) as data_plane:
        worker = BalancerWorker(settings, balancer, data_plane)
        totals = Totals(settings.balancer / "counters.json")
        runner = web.AppRunner(
            admin_application(data_plane, totals, worker), access_log=None, shutdown_timeout=1
        )
        await runner.setup()
        try:
            worker.admin = await _listen(runner, admin_port)
            await worker.run(stop)
        finally:
            await runner.cleanup()
    _log.info("stopped")


async def _listen(runner: web.AppRunner, admin_port: int) -> str:
    """Return the URL of the admin port."""
    try:
        await web.TCPSite(runner, "127.0.0.1", admin_port).start()
    except OSError as error:
        raise StackError(
            f"the admin port {admin_port} cannot be listened on: {error.strerror or error}",
            remedy="choose another one with --admin-port",
        ) from error
    host, port = runner.addresses[0][:2]
    _log.info("admin port: %s", port)
    return f"http://{host}:{port}"
