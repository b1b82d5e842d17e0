"""Which processes the embedded stack is made of, and how each shows that it answers."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from skyflow.config import Settings
from skyflow.errors import StackError
from skyflow.stack_state import LOOPBACK, StackState
from worker.process import HANGING_SECONDS, ProcessSpec
from worker.temporal_server import TemporalCommand, server_command

logger = logging.getLogger(__name__)

Table = Callable[[Settings, StackState], tuple[ProcessSpec, ...]]
"""Gives the processes, in the order in which they are stopped, for the ports of a state."""

Opening = Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]

_HEALTH_SECONDS = 2
_QUESTION_SECONDS = 0.25
_PYTHON = (sys.executable, "-P", "-m")
"""Runs an installed module, never one that lies in the current directory."""


def stack_table(settings: Settings, state: StackState) -> tuple[ProcessSpec, ...]:
    """Return the processes of the embedded stack; the one others depend on comes last."""
    temporal = TemporalCommand(None if state.external else state.temporal_address)
    # Those that talk to Temporal are started anew when its address has changed.
    client = {"SKYFLOW_STACK_TEMPORAL": state.temporal_address}
    control_socket = settings.balancer / "control.sock"
    control = ProcessSpec(
        name="lb-control",
        command=(*_PYTHON, "lb", "control", "--admin-port", str(state.ports.admin)),
        ready=_answers_health(state.ports.admin),
        reacts=lambda: reacts(asyncio.open_connection(LOOPBACK, state.ports.admin)),
        environment=client,
        address=state.admin_url,
    )
    liveness = settings.stack / "worker.sock"
    worker = ProcessSpec(
        name="worker",
        command=(*_PYTHON, "worker", "run", "--liveness", str(liveness)),
        ready=_polls(temporal),
        reacts=lambda: reacts(asyncio.open_unix_connection(liveness)),
        environment=client,
        grace_seconds=10,
    )
    count = settings.balancer_processes
    several = ("--processes", str(count)) if count else ()
    data = ProcessSpec(
        name="lb-data",
        command=(*_PYTHON, "lb", "data", "--bind", state.bind, "--take-over", *several),
        ready=_accepts_control(control_socket),
        reacts=lambda: reacts(asyncio.open_unix_connection(control_socket)),
        address=state.bind,
        grace_seconds=15,  # it gives requests in flight ten seconds
        takes_over=True,
    )
    processes = (control, worker, data)
    return processes if state.external else (*processes, _server(settings, state, temporal))


def _server(settings: Settings, state: StackState, temporal: TemporalCommand) -> ProcessSpec:
    return ProcessSpec(
        name="temporal",
        command=server_command(state.ports, settings.stack / "temporal.db"),
        ready=_prepared(temporal, state.ports.temporal),
        reacts=lambda: reacts(asyncio.open_connection(LOOPBACK, state.ports.temporal)),
        address=state.temporal_address,
        grace_seconds=10,
    )


def _prepared(temporal: TemporalCommand, port: int) -> Callable[[int], Awaitable[bool]]:
    async def ready(_: int) -> bool:
        return await listens(port) and await _succeeds(temporal.prepare())

    return ready


def _polls(temporal: TemporalCommand) -> Callable[[int], Awaitable[bool]]:
    async def ready(pid: int) -> bool:
        with contextlib.suppress(StackError):
            if await temporal.polls(pid):
                return True
        # Each question is a process: not so many that they hold up the start they wait for.
        await asyncio.sleep(_QUESTION_SECONDS)
        return False

    return ready


async def _succeeds(work: Awaitable[None]) -> bool:
    try:
        await work
    except StackError as error:
        logger.warning("%s", error.message)
        return False
    return True


def _answers_health(port: int) -> Callable[[int], Awaitable[bool]]:
    async def ready(_: int) -> bool:
        return await asyncio.to_thread(_health, port)

    return ready


def _health(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _accepts_control(path: Path) -> Callable[[int], Awaitable[bool]]:
    async def ready(pid: int) -> bool:
        return await asyncio.to_thread(_accepts_as, path, pid)

    return ready


def _accepts_as(path: Path, pid: int) -> bool:
    """Return whether a process, or one that it started, accepts connections to a unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_HEALTH_SECONDS)
        try:
            connection.connect(str(path))
            return sys.platform != "linux" or pid in _listeners(connection)
        except OSError:
            return False


def _listeners(connection: socket.socket) -> tuple[int, int]:
    """Return the process that listens at the other end, and the one that started it.

    While one takes over from another, the other still answers.
    """
    # struct ucred of unix(7): process, user and group.
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    listener = int(struct.unpack("3i", found)[0])
    try:
        return listener, psutil.Process(listener).ppid()
    except psutil.Error:
        return listener, 0


async def listens(port: int) -> bool:
    """Return whether a server accepts connections on a port of the loopback interface."""
    return await _accepts(asyncio.open_connection(LOOPBACK, port))


async def reacts(opening: Opening) -> bool:
    """Return whether a server reacts to a request, be it by refusing it or closing the connection.

    Only one that says nothing at all hangs: another may be short of descriptors, or be told by
    something else that it cannot answer.
    """
    try:
        async with asyncio.timeout(HANGING_SECONDS):
            reader, writer = await opening
            try:
                writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                await reader.read(1)
            finally:
                writer.close()
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


async def _accepts(opening: Opening) -> bool:
    try:
        async with asyncio.timeout(_HEALTH_SECONDS):
            _, writer = await opening
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
