from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncssh
import pytest

from skyflow.errors import CommandFailed, ConnectionFailed, HostKeyMismatch, StorageError
from skyflow.remote.ssh import connect, run, wait_for_ssh
from skyflow.storage.keyring import Keyring
from tests.remote.conftest import SshMachine
from tests.waiting import eventually


async def test_a_command_gives_its_output(connection: asyncssh.SSHClientConnection) -> None:
    assert await run(connection, "echo 'one  two'; echo three") == "one  two\nthree\n"


async def test_stdin_reaches_the_command(connection: asyncssh.SSHClientConnection) -> None:
    content = b"\x00\xff" * 500_000
    assert await run(connection, "wc -c", content) == "1000000\n"


async def test_a_failed_command_tells_status_and_reason(
    connection: asyncssh.SSHClientConnection,
) -> None:
    with pytest.raises(CommandFailed, match="no such thing") as caught:
        await run(connection, "echo 'no such thing' >&2; exit 3")
    assert caught.value.exit_status == 3


async def test_a_command_that_ignores_its_stdin_is_no_error(
    connection: asyncssh.SSHClientConnection,
) -> None:
    assert await run(connection, "echo done", b"x" * 5_000_000) == "done\n"


async def test_stdin_that_cannot_be_read_ends_the_command(
    connection: asyncssh.SSHClientConnection,
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise StorageError("the disk is gone")

    with pytest.raises(StorageError, match="the disk is gone"):
        await run(connection, "cat", broken())


async def test_another_host_key_is_refused_at_once(machine: SshMachine, keyring: Keyring) -> None:
    await machine.stop()
    machine.host_key_name = "stranger"
    await machine.start()
    with pytest.raises(HostKeyMismatch, match="another machine"):
        await wait_for_ssh(machine.record, keyring, 60)


async def test_another_installation_is_not_let_in(machine: SshMachine, keyring: Keyring) -> None:
    class Other(Keyring):
        def login_key(self) -> asyncssh.SSHKey:
            return Keyring(bytes(32)).login_key()

    other = Other(keyring._master_key)
    with pytest.raises(ConnectionFailed, match="Permission denied"):
        await wait_for_ssh(machine.record, other, 0)


async def test_waiting_ends_when_the_machine_answers(machine: SshMachine, keyring: Keyring) -> None:
    record = machine.record
    await machine.stop()
    waiting = asyncio.create_task(wait_for_ssh(record, keyring, 60))
    await asyncio.sleep(0)
    await machine.start()
    await waiting


async def test_waiting_ends_at_the_deadline(machine: SshMachine, keyring: Keyring) -> None:
    record = machine.record
    await machine.stop()
    with pytest.raises(ConnectionFailed, match="no SSH connection"):
        await wait_for_ssh(record, keyring, 0.2)


async def test_a_connection_lost_in_a_command_is_told(
    machine: SshMachine, keyring: Keyring
) -> None:
    with pytest.raises(ConnectionFailed, match="lost"):
        await _lose_connection_in_command(machine, keyring, ours=True)


async def test_a_server_that_goes_away_in_a_command_is_told(
    machine: SshMachine, keyring: Keyring
) -> None:
    with pytest.raises(ConnectionFailed, match="lost"):
        await _lose_connection_in_command(machine, keyring, ours=False)


async def test_a_host_that_vanished_is_noticed(machine: SshMachine, keyring: Keyring) -> None:
    async with connect(machine.record, keyring) as connection:
        interval = float(connection._keepalive_interval)
        assert interval * (connection._keepalive_count_max + 1) <= 15


async def _lose_connection_in_command(machine: SshMachine, keyring: Keyring, ours: bool) -> None:
    async with connect(machine.record, keyring) as connection:
        command = asyncio.create_task(run(connection, "touch ~/begun; sleep 1"))
        await eventually(lambda: (machine.home / "begun").exists())
        if ours:
            connection.abort()
        else:
            machine.cut()
        await command


async def test_a_cancellation_is_not_lost_in_the_moment_in_which_the_connection_stands(
    machine: SshMachine, keyring: Keyring
) -> None:
    stands = asyncio.Event()

    async def stay() -> None:
        async with connect(machine.record, keyring):
            stands.set()
            await asyncio.Event().wait()

    def cancelling(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> Any:
        task = asyncio.Task(work, loop=loop, **named)
        if work.__qualname__ == "_connect":  # where asyncssh connects in a task of its own
            task.add_done_callback(lambda _: staying.cancel())
        return task

    loop = asyncio.get_running_loop()
    staying = loop.create_task(stay())
    loop.set_task_factory(cancelling)
    await asyncio.wait({staying, loop.create_task(stands.wait())}, timeout=10)
    loop.set_task_factory(None)
    if not staying.cancelling():
        staying.cancel()
    await asyncio.wait({staying}, timeout=2)
    assert staying.done()
