"""One process under supervision: killed, frozen, and without a log."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from lb.control.data_plane import DataPlane
from skyflow.config import Settings
from skyflow.processes import ProcessIdentity
from skyflow.stack_state import ProcessState, StackPorts, StackState
from tests.lb.plane import endpoint_set
from tests.lb.test_endpoint_sets import named
from tests.lb.wire import Handler, ask, content, get, replica
from tests.waiting import eventually
from worker import process, table
from worker.backoff import Backoff
from worker.liveness import hanging_up
from worker.process import SupervisedProcess
from worker.table import reacts, stack_table

Serves = Callable[[], Awaitable[bool]]


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sv", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def data_plane(home: Path) -> SupervisedProcess:
    ports = StackPorts(temporal=1, ui=2, admin=3)
    specs = stack_table(Settings(home=home), StackState(ports=ports))
    spec = next(spec for spec in specs if spec.name == "lb-data")
    # One that a test kills soon after its start had started well all the same.
    backoff = Backoff(healthy_after=0)
    return SupervisedProcess(spec, home, home / "lb-data.log", lambda: None, backoff=backoff)


@pytest.fixture
async def supervised(home: Path) -> AsyncIterator[SupervisedProcess]:
    """Yield a data plane that is kept running."""
    running = data_plane(home)
    running.start()
    await ready(running)
    yield running
    await running.stop()


@pytest.fixture
async def serves(supervised: SupervisedProcess, home: Path) -> AsyncIterator[Serves]:
    """Yield whether the data plane answers for a service, which is saved."""
    async with replica(named(b"x")) as upstream, DataPlane(Settings(home=home)) as api:
        served = await api.apply(endpoint_set(upstream.url))

        async def answers() -> bool:
            try:
                return content(await ask(served.port, get())) == b"x"
            except ConnectionError:
                return False

        assert await answers()
        yield answers


async def test_a_killed_data_plane_serves_again_within_a_second(
    supervised: SupervisedProcess, serves: Serves
) -> None:
    times = []
    for _ in range(5):
        victim = await ready(supervised)
        begin = time.monotonic()
        victim.send(signal.SIGKILL)
        await eventually(lambda: not victim.alive)  # noqa: B023
        await eventually(serves)
        times.append(time.monotonic() - begin)
    # The others say what else this computer was doing.
    assert min(times) < 1, times


async def test_a_process_that_never_reacts_is_killed_and_started_again(
    supervised: SupervisedProcess, serves: Serves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "HANGING_SECONDS", 0.1)
    monkeypatch.setattr(table, "HANGING_SECONDS", 0.5)
    before = await ready(supervised)
    before.send(signal.SIGKILL)  # the next one is watched with the short times
    frozen = await another(supervised, before)
    frozen.send(signal.SIGSTOP)
    await another(supervised, frozen)
    assert supervised.record.last_exit == -signal.SIGKILL
    await eventually(serves)


async def says_nothing(reader: StreamReader, writer: StreamWriter) -> None:
    await asyncio.sleep(60)


async def hangs_up(reader: StreamReader, writer: StreamWriter) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("handler", "expected"), [(says_nothing, False), (hangs_up, True), (named(b"x"), True)]
)
async def test_only_one_that_says_nothing_at_all_hangs(
    handler: Handler, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "HANGING_SECONDS", 0.5 if not expected else 10)
    async with replica(handler) as server:
        assert await reacts(asyncio.open_connection(server.host, server.port)) is expected


async def test_one_that_refuses_connections_does_not_hang() -> None:
    assert await reacts(asyncio.open_connection("127.0.0.1", 1))


HANGS_UP = """
import asyncio, pathlib, sys
from worker.liveness import hanging_up

async def main():
    async with hanging_up(pathlib.Path(sys.argv[1])):
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_worker_reacts_until_it_is_frozen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "worker.sock"
    with subprocess.Popen([sys.executable, "-c", HANGS_UP, str(path)]) as worker:
        await eventually(path.exists)
        assert await reacts(asyncio.open_unix_connection(path))
        worker.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(table, "HANGING_SECONDS", 0.5)
        assert not await reacts(asyncio.open_unix_connection(path))
        worker.kill()


async def test_a_worker_whose_socket_cannot_be_made_works_all_the_same(home: Path) -> None:
    path = home / "none" / "worker.sock"
    async with hanging_up(path):
        assert await reacts(asyncio.open_unix_connection(path))


async def test_a_log_that_cannot_be_written_keeps_nothing_from_running(home: Path) -> None:
    (home / "lb-data.log").mkdir()
    running = data_plane(home)
    running.start()
    await ready(running)
    await running.stop()


async def another(supervised: SupervisedProcess, older: ProcessIdentity) -> ProcessIdentity:
    """Wait until the process answers and is not the older one."""
    await eventually(lambda: supervised.record.identity not in (None, older))
    return await ready(supervised)


async def ready(supervised: SupervisedProcess) -> ProcessIdentity:
    await eventually(lambda: supervised.record.state is ProcessState.READY)
    identity = supervised.record.identity
    assert identity is not None
    return identity
