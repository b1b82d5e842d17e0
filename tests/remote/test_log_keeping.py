"""A log is kept whatever the store can take meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncssh
import pytest

from skyflow.config import Settings
from skyflow.remote import log_keeping
from skyflow.remote.log_keeping import keep_log
from skyflow.storage.log_writer import LogWriter
from skyflow.storage.store import Store
from tests.remote.conftest import SshMachine
from tests.remote.test_logship import PREFIX, RemoteLog, stored
from tests.waiting import eventually


@pytest.fixture
def log(machine: SshMachine, monkeypatch: pytest.MonkeyPatch) -> RemoteLog:
    monkeypatch.setattr(log_keeping, "STORE_SECONDS", 0.1)
    return RemoteLog(machine)


def put_out_of_order(settings: Settings) -> Path:
    """Let nothing be written where the logs are."""
    blocked = settings.store / "logs"
    blocked.touch()
    return blocked


async def test_what_the_store_did_not_take_is_stored_later(
    connection: asyncssh.SSHClientConnection,
    settings: Settings,
    store: Store,
    log: RemoteLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    blocked, ended = put_out_of_order(settings), asyncio.Event()
    keeping = asyncio.create_task(
        keep_log(connection, "run", lambda: LogWriter(store, PREFIX), ended)
    )
    log.write("first\n")
    await eventually(lambda: "waits on its machine" in caplog.text)
    blocked.unlink()
    log.write("second\n")
    ended.set()
    await keeping
    assert await stored(store) == "first\nsecond\n"


async def test_a_log_that_has_ended_holds_up_nothing(
    connection: asyncssh.SSHClientConnection, settings: Settings, store: Store, log: RemoteLog
) -> None:
    put_out_of_order(settings)
    ended = asyncio.Event()
    ended.set()
    log.write("never stored\n")
    async with asyncio.timeout(30):
        await keep_log(connection, "run", lambda: LogWriter(store, PREFIX), ended)
