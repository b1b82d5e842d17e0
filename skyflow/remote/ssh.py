"""SSH connections to machines whose host key is known beforehand."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from skyflow.clouds.base import Machine
from skyflow.errors import CommandFailed, ConnectionFailed, HostKeyMismatch, SkyflowError
from skyflow.storage.keyring import Keyring

_CONNECT_SECONDS = 10
"""Longest wait until a machine has let us in."""
_KEEPALIVE_SECONDS = 4
_KEEPALIVE_MISSES = 2
"""A host that vanished is noticed when one more than this is missed: within 12 s."""
_CLOSE_SECONDS = 1
"""Longest wait for a connection to close in good order."""
_FIRST_RETRY_SECONDS = 0.1
_LONGEST_RETRY_SECONDS = 2.0
_RETRY_GROWTH = 1.5
_STDERR_CHARACTERS = 2000
"""How much of the end of what a command wrote to stderr goes into an error."""


@asynccontextmanager
async def connect(
    machine: Machine, keyring: Keyring
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """Connect to a machine. Whatever breaks the connection inside is a `ConnectionFailed` too.

    Raises:
        HostKeyMismatch: Another machine answers at its address.
        ConnectionFailed: No SSH connection, or it was lost.

    """
    connection = await _open(machine, keyring)
    try:
        yield connection
    except (asyncssh.Error, ConnectionError) as error:
        raise _lost(machine.name, error) from error
    finally:
        await _close(connection)


async def wait_for_ssh(machine: Machine, keyring: Keyring, seconds: float) -> None:
    """Return as soon as a machine lets us in; keep trying for a number of seconds.

    Raises:
        HostKeyMismatch: Another machine answers at its address; at once.
        ConnectionFailed: The machine did not let us in by then.

    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_RETRY_SECONDS
    while True:
        try:
            async with connect(machine, keyring):
                return
        except HostKeyMismatch:
            raise
        except ConnectionFailed:
            if time.monotonic() + pause > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * _RETRY_GROWTH, _LONGEST_RETRY_SECONDS)


async def run(
    connection: asyncssh.SSHClientConnection,
    script: str,
    stdin: bytes | AsyncIterable[bytes] | None = None,
) -> str:
    """Run a script in bash and return what it wrote to stdout.

    The script is visible in the machine's process list: secrets go to stdin.

    Raises:
        CommandFailed: It ended with a non-zero exit status.
        ConnectionFailed: The connection was lost.

    """
    try:
        process = await connection.create_process(f"bash -c {shlex.quote(script)}", encoding=None)
        async with process:
            feeding = asyncio.create_task(_feed(process, stdin))
            try:
                completed = await process.wait()
            finally:
                feeding.cancel()
                await asyncio.wait([feeding])
    except (asyncssh.Error, ConnectionError) as error:
        raise _lost("the machine", error) from error
    if not feeding.cancelled() and (failure := feeding.exception()):
        raise failure
    return _output(completed)


async def _open(machine: Machine, keyring: Keyring) -> asyncssh.SSHClientConnection:
    host_key = asyncssh.import_public_key(keyring.machine_keys(machine.name).host_public_key)
    where = f"{machine.name} ({machine.address}:{machine.ssh_port})"
    try:
        # asyncssh's own time-out is a `wait_for`, which in Python 3.11 loses a cancellation that
        # comes in the moment in which the connection stands.
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await asyncssh.connect(
                machine.address,
                machine.ssh_port,
                username=machine.ssh_user,
                known_hosts=([host_key], [], []),
                client_keys=[keyring.login_key()],
                preferred_auth="publickey",
                agent_path=None,
                config=None,
                gss_host=None,
                connect_timeout=None,
                login_timeout=_CONNECT_SECONDS,
                keepalive_interval=_KEEPALIVE_SECONDS,
                keepalive_count_max=_KEEPALIVE_MISSES,
            )
    except asyncssh.HostKeyNotVerifiable:
        raise HostKeyMismatch(
            f"{where}: another machine answers there, its SSH host key is not the one it was given",
            "the machine is gone and its address belongs to another; it is not spoken to",
        ) from None
    except (asyncssh.Error, OSError) as error:
        raise ConnectionFailed(
            f"{where}: no SSH connection: {_reason(error)}",
            "check that the machine runs and that its SSH port can be reached from here",
        ) from error


async def _close(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.wait_closed()
    except TimeoutError:
        connection.abort()


async def _feed(
    process: asyncssh.SSHClientProcess[bytes], content: bytes | AsyncIterable[bytes] | None
) -> None:
    """Write all of stdin; a command that ends without reading it has its reasons."""
    try:
        if isinstance(content, bytes):
            process.stdin.write(content)
        elif content is not None:
            async for piece in content:
                process.stdin.write(piece)
                await process.stdin.drain()
        process.stdin.write_eof()
    except (asyncssh.Error, ConnectionError):
        return
    except SkyflowError:
        # The rest will never come: end the command, which waits for it.
        process.close()
        raise


def _output(completed: asyncssh.SSHCompletedProcess) -> str:
    status = completed.returncode
    if status is None:
        raise _lost("the machine", None)
    if status == 0:
        return _text(completed.stdout)
    stderr = _text(completed.stderr).strip()[-_STDERR_CHARACTERS:]
    # asyncssh tells a signal as a negative number.
    status = status if status > 0 else 128 - status
    raise CommandFailed(
        f"a command on the machine ended with exit status {status}: {stderr or 'no reason given'}",
        exit_status=status,
    )


def _text(output: object) -> str:
    return bytes(output).decode(errors="replace") if isinstance(output, bytes) else ""


def _lost(what: str, error: Exception | None) -> ConnectionFailed:
    return ConnectionFailed(
        f"{what}: the SSH connection was lost: {_reason(error) if error else 'it was closed'}"
    )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
