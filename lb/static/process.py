"""`python -m lb run --static FILE`: data-plane processes, and what tells them what to serve."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from lb.control.admin import admin_application
from lb.control.data_plane import DataPlane, DataPlaneUnavailable
from lb.control.totals import Totals
from lb.data.control_socket import check_directory, own, remove_dead_sockets
from lb.data.holder import Holder
from lb.data.serving import STOP_SECONDS
from lb.data.sockets import OwnSockets
from lb.static.following import Follower, described, listening
from skyflow.config import Settings
from skyflow.errors import StackError
from skyflow.spec.static_file import load_static

_START_SECONDS = 60.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class StaticOptions:
    """What to serve, and how."""

    file: Path
    host: str
    admin_port: int | None
    """Port for health and measures on 127.0.0.1; None for none."""
    processes: int
    directory: Path | None
    """Where access logs are kept; None for nowhere."""


def run_static(options: StaticOptions) -> None:
    """Serve what a file says until SIGTERM or SIGINT.

    Raises:
        SpecError: The file is not valid.
        StackError: A port cannot be listened on, or the directory is not usable.
    """
    # All that is told without being asked for is what `_say` says, and what is wrong.
    logging.getLogger().setLevel(logging.WARNING)
    # Before anything is started.
    load_static(options.file)
    with _home(options.directory) as home:
        asyncio.run(_run(options, Settings(home=home)))


async def _run(options: StaticOptions, settings: Settings) -> None:
    stops: asyncio.Queue[None] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stops.put_nowait, None)
    check_directory(settings)
    with own(settings):
        remove_dead_sockets(settings)
        sockets = OwnSockets(options.host, count=options.processes)
        environment = {
            **os.environ,
            "SKYFLOW_HOME": str(settings.home),
            "SKYFLOW_LB_LOG_LEVEL": logging.getLevelName(logging.WARNING),
        }
        holder = Holder(sockets, options.processes, environment)
        serving = asyncio.create_task(_serve(options, settings, holder))
        stopped = asyncio.create_task(stops.get())
        try:
            await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            if stopped.done():
                _say(
                    f"stopping: no new connections, up to {STOP_SECONDS:g} s for what is in "
                    "flight; once more to end it now"
                )
            await _ended(holder, stops)
        if not stopped.done():
            stopped.cancel()
            await serving


async def _serve(options: StaticOptions, settings: Settings, holder: Holder) -> None:
    await holder.start()
    holder.begin()
    async with DataPlane(settings) as data_plane:
        await _answering(data_plane, options.processes)
        follower = Follower(options.file, data_plane, _say)
        sets = await follower.begin()
        totals = Totals(settings.balancer / "counters.json")
        runner = web.AppRunner(
            admin_application(data_plane, totals, None), access_log=None, shutdown_timeout=1
        )
        await runner.setup()
        try:
            admin = await _listen(runner, options.admin_port)
            _say(f"serving {listening(sets, options.host)}{admin}; Ctrl-C ends it")
            for each in sets:
                _say(described(each))
            await follower.run()
        finally:
            await runner.cleanup()


async def _answering(data_plane: DataPlane, processes: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with suppress(DataPlaneUnavailable):
            if len(await data_plane.processes()) == processes:
                return
        await asyncio.sleep(_POLL_SECONDS)
    raise StackError(
        f"the data plane did not start within {_START_SECONDS:g} s",
        remedy="see what its processes said above",
    )


async def _listen(runner: web.AppRunner, port: int | None) -> str:
    if port is None:
        return ""
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        raise StackError(
            f"the admin port {port} cannot be listened on: {error.strerror or error}",
            remedy="choose another one with --admin-port",
        ) from error
    return f" (health and metrics at http://127.0.0.1:{runner.addresses[0][1]})"


async def _ended(holder: Holder, stops: asyncio.Queue[None]) -> None:
    """Let what is in flight finish, unless told to stop once more."""
    stopping = asyncio.create_task(holder.stop())
    again = asyncio.create_task(stops.get())
    await asyncio.wait([stopping, again], return_when=asyncio.FIRST_COMPLETED)
    if again.done():
        holder.kill()
    again.cancel()
    await stopping


@contextmanager
def _home(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        yield directory.absolute()
        return
    made = Path(tempfile.mkdtemp(prefix="skyflow-lb-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _say(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
