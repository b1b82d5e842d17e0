"""The data plane as a process: what it needs, what it survives, what it leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lb.control.data_plane import DataPlane
from lb.files import control_socket
from skyflow.config import Settings
from tests.lb.plane import Served, answering, endpoint_set, process
from tests.lb.test_endpoint_sets import Slow, named
from tests.lb.wire import ask, connection, content, get, replica
from tests.waiting import eventually


async def accepts(port: int) -> bool:
    try:
        async with connection(port):
            return True
    except ConnectionRefusedError:
        return False


async def test_a_killed_data_plane_serves_from_disk_when_it_is_back(home: Path) -> None:
    async with replica(named(b"x")) as upstream, DataPlane(Settings(home=home)) as api:
        wanted = endpoint_set(upstream.url)
        with process(home, "data"):
            await answering(api)
            await api.apply(wanted)
        # Killed, so its socket is still there: the next one takes its place.
        assert control_socket(Settings(home=home)).exists()
        with process(home, "data"):
            await eventually(lambda: accepts(wanted.port))
            assert content(await ask(wanted.port, get())) == b"x"
            await answering(api)
            assert (await api.endpoint_sets()).sets == (wanted,)


async def test_a_port_that_is_taken_at_the_start_is_served_once_it_is_free(home: Path) -> None:
    async with DataPlane(Settings(home=home)) as api:
        wanted = endpoint_set()
        with process(home, "data"):
            await answering(api)
            await api.apply(wanted)
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", wanted.port))
            taken.listen()
            with process(home, "data"):
                await answering(api)
                served = Served(api, home, wanted)
                assert not (await served.counters()).listening
                taken.close()

                async def listens() -> bool:
                    return (await served.counters()).listening

                await eventually(listens)


async def test_the_data_plane_never_loads_temporal(home: Path) -> None:
    poison = home / "poison" / "temporalio"
    poison.mkdir(parents=True)
    (poison / "__init__.py").write_text("raise SystemExit('temporalio was imported')\n")
    async with replica(named(b"x")) as upstream, DataPlane(Settings(home=home)) as api:
        with process(home, "data", PYTHONPATH=str(poison.parent)) as running:
            await answering(api)
            wanted = endpoint_set(upstream.url)
            await api.apply(wanted)
            assert content(await ask(wanted.port, get())) == b"x"
            await api.drain("demo", 1, 0)
            assert running.poll() is None


async def test_only_its_owner_can_reach_the_control_socket(home: Path) -> None:
    async with DataPlane(Settings(home=home)) as api:
        with process(home, "data"):
            await answering(api)
            path = control_socket(Settings(home=home))
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_second_data_plane_is_refused(home: Path) -> None:
    async with DataPlane(Settings(home=home)) as api:
        with process(home, "data"):
            await answering(api)
            second = run_data(home)
            assert second.returncode == 1
            assert "another data plane serves" in second.stderr
            await answering(api)


def test_a_home_whose_path_is_too_long_is_refused(home: Path) -> None:
    refused = run_data(home / ("x" * 110))
    assert refused.returncode == 1
    assert "set SKYFLOW_HOME to a shorter path" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_asked_to_end_it_lets_what_is_in_flight_finish(
    home: Path, number: signal.Signals
) -> None:
    slow = Slow()
    async with replica(slow) as upstream, DataPlane(Settings(home=home)) as api:
        wanted = endpoint_set(upstream.url)
        with process(home, "data") as running:
            await answering(api)
            await api.apply(wanted)
            async with connection(wanted.port) as (reader, writer), connection(wanted.port) as idle:
                writer.write(get(close=False))
                await reader.readuntil(b"\r\nabc")
                running.send_signal(number)
                assert await idle[0].read() == b""
                assert not await accepts(wanted.port)
                slow.finish.set()
                assert await reader.read() == b"def"
            assert await asyncio.to_thread(running.wait, 5) == 0
        assert "/ 200 6 replica=1" in log_of(home)


async def test_the_access_log_holds_no_credentials(home: Path) -> None:
    async with replica(named(b"x")) as upstream, DataPlane(Settings(home=home)) as api:
        wanted = endpoint_set(upstream.url)
        with process(home, "data") as running:
            await answering(api)
            await api.apply(wanted)
            await ask(wanted.port, get("/v1?api_key=s3cret&n=1", "Authorization: Bearer s3cret"))
            running.terminate()
            assert await asyncio.to_thread(running.wait, 5) == 0
    assert "GET /v1?api_key=REDACTED&n=1 200 1 replica=1" in log_of(home)
    for folder, _, names in os.walk(home):
        for name in names:
            assert b"s3cret" not in (Path(folder) / name).read_bytes()


def log_of(home: Path) -> str:
    return (home / "balancer" / "access" / "demo.i1.log").read_text()


def run_data(home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lb", "data"],
        env={**os.environ, "SKYFLOW_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
