"""Storing a replica's log for as long as it grows, whatever the store can take meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import asyncssh

from skyflow.errors import StorageError
from skyflow.remote.logship import ship_logs
from skyflow.storage.log_writer import LogWriter

STORE_SECONDS = 5.0
"""Wait before the store is tried again that took nothing."""

_log = logging.getLogger(__name__)


async def keep_log(
    connection: asyncssh.SSHClientConnection,
    stream: str,
    open_writer: Callable[[], LogWriter],
    ended: asyncio.Event,
) -> None:
    """Copy a log (`setup`, `run`) to the store until it has ended, as `ship_logs` does.

    A store that is full or read-only ends no replica: the log waits on the machine, and what has
    been written meanwhile is stored later. Once the log has ended the store is tried once more.

    Raises:
        ConnectionFailed: The connection was lost.

    """
    waiting = False
    while True:
        try:
            await ship_logs(connection, stream, open_writer(), ended)
        except StorageError as error:
            if not waiting:
                _log.warning("the %s log waits on its machine: %s", stream, error)
            if waiting and ended.is_set():
                return
            waiting = True
        else:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(STORE_SECONDS):
                await ended.wait()
