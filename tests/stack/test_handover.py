"""A stack that is started with another configuration, and clients of its balancer."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lb.control.data_plane import DataPlane
from skyflow.config import Settings
from skyflow.processes import ProcessIdentity
from skyflow.stack_state import ProcessState, read_state
from tests.lb.plane import endpoint_set
from tests.lb.test_endpoint_sets import Slow, named
from tests.lb.wire import ask, connection, content, get, replica
from tests.waiting import eventually


@pytest.fixture
def settings() -> Iterator[Settings]:
    path = Path(tempfile.mkdtemp(prefix="sh", dir="/tmp"))
    yield Settings(home=path)
    shutil.rmtree(path)


@contextmanager
def supervised(settings: Settings, processes: str) -> Iterator[subprocess.Popen[bytes]]:
    variables = {"SKYFLOW_HOME": str(settings.home), "SKYFLOW_BALANCER_PROCESSES": processes}
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.stack.balancer_stack"],
        env={**os.environ, **variables},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(60)


async def data_plane(settings: Settings, before: ProcessIdentity | None = None) -> ProcessIdentity:
    """Return the data plane that is ready, another one than before."""

    def ready() -> ProcessIdentity | None:
        state = read_state(settings)
        process = state.process("lb-data") if state else None
        if process is None or process.state is not ProcessState.READY:
            return None
        return process.identity if process.identity != before else None

    found = await eventually(ready, 120, what="the data plane is ready")
    assert found
    return found


async def test_another_number_of_processes_cuts_no_stream_and_refuses_nobody(
    settings: Settings,
) -> None:
    slow = Slow()
    async with replica(slow) as one, replica(named(b"y")) as other, DataPlane(settings) as api:
        with supervised(settings, "") as first:
            old = await data_plane(settings)
            wanted = await api.apply(endpoint_set(one.url))
            async with connection(wanted.port) as (reader, writer):
                writer.write(get(close=False))
                await reader.readuntil(b"abc")
                newer = endpoint_set(other.url).endpoints
                await api.apply(wanted.model_copy(update={"generation": 2, "endpoints": newer}))
                first.send_signal(signal.SIGKILL)
                answers, stop = list[bytes](), asyncio.Event()

                async def client() -> None:
                    while not stop.is_set():
                        answers.append(content(await ask(wanted.port, get())))

                load = asyncio.create_task(client())
                with supervised(settings, "2"):
                    new = await data_plane(settings, old)
                    assert new != old
                    stop.set()
                    await load
                    assert set(answers) == {b"y"}
                    slow.finish.set()
                    assert await reader.readexactly(3) == b"def"
                    await eventually(lambda: not old.alive)


async def test_one_that_cannot_hand_over_is_ended_after_a_while(
    settings: Settings,
) -> None:
    async with DataPlane(settings) as api:
        with supervised(settings, "") as first:
            old = await data_plane(settings)
            await api.services()
            first.send_signal(signal.SIGKILL)
            old.send(signal.SIGSTOP)
            with supervised(settings, "1"):
                await data_plane(settings, old)
                await eventually(lambda: not old.alive)
