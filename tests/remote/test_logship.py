from __future__ import annotations

import asyncio

import asyncssh
import pytest

from skyflow.errors import ConnectionFailed
from skyflow.remote.logship import ship_logs
from skyflow.remote.ssh import connect
from skyflow.storage.keyring import Keyring
from skyflow.storage.log_reader import LogReader
from skyflow.storage.log_writer import LogWriter
from skyflow.storage.store import Store
from tests.remote.conftest import SshMachine
from tests.waiting import eventually

PREFIX = "logs/hello.1/replica-1/node-0/run"


class RemoteLog:
    """The log on the machine."""

    def __init__(self, machine: SshMachine) -> None:
        self._path = machine.home / ".skyflow-replica" / "logs" / "run.log"
        self._path.parent.mkdir(parents=True)
        self._path.touch()

    def write(self, text: str) -> None:
        with self._path.open("a") as file:
            file.write(text)


async def stored(store: Store) -> str:
    pieces = [piece async for piece in LogReader(store).read(PREFIX)]
    return b"".join(pieces).decode()


@pytest.fixture
def log(machine: SshMachine) -> RemoteLog:
    return RemoteLog(machine)


async def test_a_log_is_stored_while_it_grows(
    connection: asyncssh.SSHClientConnection, store: Store, log: RemoteLog
) -> None:
    ended = asyncio.Event()
    writer = LogWriter(store, PREFIX)
    shipping = asyncio.create_task(ship_logs(connection, "run", writer, ended))
    log.write("first\n")
    await eventually(lambda: _holds(store, "first\n"), seconds=5)
    log.write("second, not ended")
    await eventually(lambda: _holds(store, "first\nsecond, not ended"), seconds=5)
    ended.set()
    await shipping


async def test_what_is_there_when_the_log_has_ended_is_stored(
    connection: asyncssh.SSHClientConnection, store: Store, log: RemoteLog
) -> None:
    text = "".join(f"line {number}\n" for number in range(30_000)) + "end"
    log.write(text)
    ended = asyncio.Event()
    ended.set()
    await ship_logs(connection, "run", LogWriter(store, PREFIX), ended)
    assert await stored(store) == text


async def test_another_shipper_goes_on_without_gap_or_repeat(
    connection: asyncssh.SSHClientConnection, store: Store, log: RemoteLog
) -> None:
    log.write("one\n")
    first = asyncio.create_task(
        ship_logs(connection, "run", LogWriter(store, PREFIX), asyncio.Event())
    )
    await eventually(lambda: _holds(store, "one\n"))
    log.write("two\n")
    first.cancel()
    await asyncio.wait([first])
    ended = asyncio.Event()
    ended.set()
    await ship_logs(connection, "run", LogWriter(store, PREFIX), ended)
    assert await stored(store) == "one\ntwo\n"


async def test_shippers_at_the_same_time_store_one_log(
    connection: asyncssh.SSHClientConnection, store: Store, log: RemoteLog
) -> None:
    ended = asyncio.Event()
    both = [
        asyncio.create_task(ship_logs(connection, "run", LogWriter(store, PREFIX), ended))
        for _ in range(2)
    ]
    lines = [f"line {number}\n" for number in range(20_000)]
    for start in range(0, len(lines), 500):
        log.write("".join(lines[start : start + 500]))
        await asyncio.sleep(0)
    ended.set()
    await asyncio.gather(*both)
    assert await stored(store) == "".join(lines)


async def test_secrets_are_not_stored(
    connection: asyncssh.SSHClientConnection, store: Store, log: RemoteLog
) -> None:
    log.write("token=hush-hush, user=me\n")
    ended = asyncio.Event()
    ended.set()
    await ship_logs(connection, "run", LogWriter(store, PREFIX, ["hush-hush"]), ended)
    assert await stored(store) == "token=***, user=me\n"


async def test_a_lost_connection_is_told_and_what_had_come_is_stored(
    machine: SshMachine, keyring: Keyring, store: Store, log: RemoteLog
) -> None:
    log.write("last words\n")
    with pytest.raises(ConnectionFailed):
        await _ship_until_cut(machine, keyring, LogWriter(store, PREFIX))
    assert await stored(store) == "last words\n"


async def _ship_until_cut(machine: SshMachine, keyring: Keyring, writer: LogWriter) -> None:
    async with connect(machine.record, keyring) as connection:
        shipping = asyncio.create_task(ship_logs(connection, "run", writer, asyncio.Event()))
        await eventually(lambda: writer.due is not None)
        machine.cut()
        await shipping


async def test_no_follower_is_left_on_the_machine(
    connection: asyncssh.SSHClientConnection, machine: SshMachine, store: Store, log: RemoteLog
) -> None:
    shipping = asyncio.create_task(
        ship_logs(connection, "run", LogWriter(store, PREFIX), asyncio.Event())
    )
    log.write("hello\n")
    await eventually(lambda: _holds(store, "hello\n"))
    assert machine.commands == 1
    shipping.cancel()
    await asyncio.wait([shipping])
    await eventually(lambda: machine.commands == 0)


async def _holds(store: Store, text: str) -> bool:
    return await stored(store) == text
