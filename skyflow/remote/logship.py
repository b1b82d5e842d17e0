"""Shipping a log from a machine to the store while it grows."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from collections.abc import Callable

import asyncssh

from skyflow.errors import ConnectionFailed, StorageError
from skyflow.remote.scripts import follow_log_script, rest_of_log_script
from skyflow.storage.log_writer import FLUSH_BYTES, LogWriter

SAVE_SECONDS = 2.0
"""Longest time for which a shipper that is told to end stores what it has."""


async def ship_logs(
    connection: asyncssh.SSHClientConnection,
    stream: str,
    writer: LogWriter,
    ended: asyncio.Event,
) -> None:
    """Copy a log (`setup`, `run`) to the store from where the store's copy ends.

    Set `ended` when nothing more will be written to it: what is there is stored, then it returns.
    To hand over to another shipper, cancel it: what has come is stored, and nothing is doubled.

    Raises:
        ConnectionFailed: The connection was lost; what had come is stored.
        StorageError: The store could not be read or written.

    """
    try:
        await _follow_until(connection, stream, writer, ended)
        if await _copy(connection, lambda start: rest_of_log_script(stream, start), writer) != 0:
            raise ConnectionFailed(f"the {stream} log could not be read to its end")
    except (asyncssh.Error, ConnectionError) as error:
        await writer.flush()
        raise ConnectionFailed(f"the SSH connection was lost: {error}") from error
    except ConnectionFailed:
        await writer.flush()
        raise
    await writer.close()


async def _follow_until(
    connection: asyncssh.SSHClientConnection,
    stream: str,
    writer: LogWriter,
    ended: asyncio.Event,
) -> None:
    following = asyncio.create_task(
        _copy(connection, lambda start: follow_log_script(stream, start), writer)
    )
    ending = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait({following, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        following.cancel()
        ending.cancel()
        await asyncio.wait({following, ending})
    if following.cancelled():
        return
    if failure := following.exception():
        raise failure
    if not ended.is_set():
        raise ConnectionFailed(f"the {stream} log can no longer be followed")


async def _copy(
    connection: asyncssh.SSHClientConnection, script: Callable[[int], str], writer: LogWriter
) -> int | None:
    """Copy what a script prints of the log until it ends; return its exit status."""
    offset = await writer.next_offset()
    command = f"bash -c {shlex.quote(script(offset))}"
    async with await connection.create_process(command, encoding=None) as process:
        try:
            while data := await _read(process.stdout, writer):
                await writer.append(offset, data)
                offset += len(data)
        except asyncio.CancelledError:
            # The machine may be gone before another shipper begins.
            await _save(writer)
            raise
        await process.wait_closed()
    return process.returncode


async def _read(stdout: asyncssh.SSHReader[bytes], writer: LogWriter) -> bytes:
    """Return the next bytes, and have the writer flush in time until they come."""
    while True:
        wait = None if writer.due is None else writer.due - time.monotonic()
        try:
            # A read that is cut short leaves its data in the buffer.
            async with asyncio.timeout(wait):
                return await stdout.read(FLUSH_BYTES)
        except TimeoutError:
            await writer.flush()


async def _save(writer: LogWriter) -> None:
    with contextlib.suppress(StorageError, TimeoutError):
        async with asyncio.timeout(SAVE_SECONDS):
            await writer.flush()
