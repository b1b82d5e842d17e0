"""Several processes of the data plane as one: `python -m lb data --processes N`."""

from __future__ import annotations

import asyncio
import os
import signal

from lb.data.control_socket import check_directory, own, remove_dead_sockets
from lb.data.handover import Handover, take_over
from lb.data.holder import Holder
from lb.data.sockets import OwnSockets
from lb.files import handover_socket
from skyflow.config import Settings


def run_group(settings: Settings, host: str, processes: int, *, replace: bool = False) -> None:
    """Hold the sockets of a number of processes until SIGTERM, SIGINT or another data plane.

    Args:
        settings: Settings of the installation.
        host: Address of the endpoints.
        processes: Number of processes that accept.
        replace: Whether to take over from a data plane that runs.

    Raises:
        StackError: Another data plane runs, or the path of its sockets is too long.
    """
    check_directory(settings)
    asyncio.run(_run(settings, host, processes, replace))


async def _run(settings: Settings, host: str, processes: int, replace: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    inherited = await take_over(handover_socket(settings), host) if replace else None
    with inherited.lock if inherited else own(settings) as lock:
        sockets = OwnSockets(host, inherited.sockets if inherited else None, processes)
        environment = {**os.environ, "SKYFLOW_HOME": str(settings.home)}
        holder = Holder(sockets, processes, environment)
        stopped = asyncio.create_task(stop.wait())
        started = asyncio.create_task(holder.start())
        await asyncio.wait([started, stopped], return_when=asyncio.FIRST_COMPLETED)
        if started.done():
            if inherited:
                await inherited.begin()
            remove_dead_sockets(settings)
            holder.begin()

            async def leave() -> None:
                await holder.leave()
                # Held by the next one now, also when that ends before this one.
                lock.close()

            handover = Handover(handover_socket(settings), sockets, lock, leave)
            replaced = asyncio.create_task(handover.run())
            await asyncio.wait([replaced, stopped], return_when=asyncio.FIRST_COMPLETED)
            replaced.cancel()
            await asyncio.gather(replaced, return_exceptions=True)
        if not stop.is_set():
            ended = asyncio.create_task(holder.ended())
            await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
        await holder.stop()
