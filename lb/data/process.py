"""The data-plane process: alone, or one of several that a holder started."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import uvloop

from lb.data.channel import Channel
from lb.data.control_socket import check_directory, own, remove_dead_sockets
from lb.data.handover import Handover, take_over
from lb.data.held_sockets import HeldSockets
from lb.data.serving import Serving
from lb.data.share import Share
from lb.data.sockets import OwnSockets
from lb.files import handover_socket
from skyflow.config import Settings
from skyflow.open_files import allow_many_files


def run(settings: Settings, host: str, *, replace: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, or until another data plane has taken over.

    Args:
        settings: Settings of the installation.
        host: Address of the endpoints.
        replace: Whether to take over from a data plane that runs.

    Raises:
        StackError: Another data plane runs, or the path of its sockets is too long.
    """
    allow_many_files()
    check_directory(settings)
    uvloop.run(_serve(settings, host, replace))


def run_held(settings: Settings, share: Share, descriptor: int) -> None:
    """Serve until SIGTERM or SIGINT, or until the holder of the sockets says or is gone.

    Args:
        settings: Settings of the installation.
        share: Which of several processes this is.
        descriptor: The connection to the holder.
    """
    allow_many_files()
    uvloop.run(_serve_held(settings, share, socket.socket(fileno=descriptor)))


async def _serve(settings: Settings, host: str, replace: bool) -> None:
    inherited = await take_over(handover_socket(settings), host) if replace else None
    with inherited.lock if inherited else own(settings) as lock:
        sockets = OwnSockets(host, inherited.sockets if inherited else None)
        serving = Serving(settings, sockets)

        async def leave() -> None:
            serving.leave()
            # Held by the next one now, also when that ends before this one.
            lock.close()

        handover = Handover(handover_socket(settings), sockets, lock, leave)
        tasks = []

        async def begun() -> None:
            sockets.close_unused()
            if inherited:
                await inherited.begin()
            tasks.append(asyncio.create_task(handover.run()))
            remove_dead_sockets(settings)

        await serving.run(begun)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve_held(settings: Settings, share: Share, connection: socket.socket) -> None:
    sockets = HeldSockets(Channel(connection))
    serving = Serving(settings, sockets, share)
    listening = asyncio.create_task(sockets.run(serving.leave))

    async def begun() -> None:
        with suppress(ConnectionError):
            await sockets.begin()

    await serving.run(begun)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
