"""A balancer that serves what a file says."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
import pytest

from skyflow.errors import SpecError
from skyflow.spec.service import Service
from skyflow.spec.static_file import BALANCER_KEYS, load_static
from skyflow.state import EndpointSet, ServiceSettings
from tests.lb.plane import free_port
from tests.lb.test_endpoint_sets import Slow, named
from tests.lb.wire import Handler, Replica, ask, connection, content, get, replica
from tests.waiting import eventually


class Alone:
    """A balancer that runs, and its file."""

    def __init__(self, home: Path) -> None:
        self.file = home / "services.yaml"
        self.port = free_port()
        self.running: subprocess.Popen[bytes] | None = None
        self._log = home / "run.log"

    @property
    def output(self) -> str:
        return self._log.read_text()

    def write(self, *urls: str, more: str = "", port: int | None = None) -> None:
        listed = "".join(f'\n      - "{url}"' for url in urls) or " []"
        self.file.write_text(
            f"services:\n  - name: demo\n    port: {port or self.port}\n"
            f"    endpoints:{listed}\n{more}"
        )

    @contextmanager
    def run(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "cli", "lb", "run", "--static", str(self.file), *options]
        with self._log.open("ab") as log:
            self.running = running = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield running
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGINT)
                running.send_signal(signal.SIGINT)
            running.wait(30)

    async def says(self, words: str) -> None:
        await eventually(lambda: words in self.output, what=f"{words!r} in {self._log}")

    async def answers(self, expected: bytes) -> None:
        async def answer() -> bool:
            try:
                return content(await ask(self.port, get())) == expected
            except ConnectionError:
                return False

        await eventually(answer, what=f"the answer {expected!r}")


@pytest.fixture
def alone(home: Path) -> Alone:
    return Alone(home)


async def test_it_serves_what_the_file_says_and_says_where(alone: Alone) -> None:
    async with replica(named(b"x")) as upstream:
        alone.write(upstream.url)
        with alone.run("--processes", "2", "--admin-port", "0"):
            await alone.says("Ctrl-C ends it")
            assert alone.output.startswith(f"serving demo at http://127.0.0.1:{alone.port} ")
            await alone.answers(b"x")
            found = re.search(r"metrics at http://127\.0\.0\.1:(\d+)", alone.output)
            assert found
            health = await ask(int(found[1]), get("/healthz"))
            assert content(health) == b'{"data_plane": true}'
            assert b"skyflow_requests_total{" in await ask(int(found[1]), get("/metrics"))


async def test_a_change_of_the_file_is_served(alone: Alone) -> None:
    async with replica(named(b"x")) as first, replica(named(b"y")) as second:
        alone.write(first.url)
        with alone.run():
            await alone.answers(b"x")
            draft = alone.file.with_suffix(".draft")
            whole = alone.file.read_text().replace(first.url, second.url)
            draft.write_text(whole)
            draft.replace(alone.file)
            await alone.answers(b"y")


async def test_a_file_that_is_not_valid_is_refused_and_the_old_set_stays(alone: Alone) -> None:
    async with replica(named(b"x")) as upstream:
        alone.write(upstream.url)
        with alone.run():
            await alone.answers(b"x")
            alone.write(upstream.url, more="    load_balancing_polcy: round_robin\n")
            await alone.says("did you mean 'load_balancing_policy'?")
            assert f"{alone.file}:6:5: services[0].load_balancing_polcy: unknown" in alone.output
            await alone.answers(b"x")
            alone.file.unlink()
            await alone.says("cannot be read")
            await alone.answers(b"x")


async def test_a_change_cuts_no_stream(alone: Alone) -> None:
    slow = Slow()
    async with replica(slow) as first, replica(named(b"y")) as second:
        alone.write(first.url)
        with alone.run():
            await alone.says("Ctrl-C ends it")
            async with connection(alone.port) as (reader, writer):
                writer.write(get(close=False))
                await reader.readuntil(b"\r\nabc")
                alone.write(second.url)
                await alone.says("demo: now 1 endpoint")
                assert content(await ask(alone.port, get())) == b"y"
                slow.finish.set()
                assert await reader.readexactly(3) == b"def"


async def test_services_come_and_go_and_change_ports(alone: Alone) -> None:
    async with replica(named(b"x")) as upstream:
        other, moved = free_port(), free_port()
        more = f'  - {{name: other, port: {other}, endpoints: ["{upstream.url}"]}}\n'
        alone.write(upstream.url)
        with alone.run():
            await alone.answers(b"x")
            alone.write(upstream.url, more=more)
            await alone.says(f"other: 1 endpoint, least_load, on port {other}")
            assert content(await ask(other, get())) == b"x"
            alone.write(upstream.url, port=moved)
            await alone.says("other: no longer served")
            await alone.says(f"on port {moved}")
            assert content(await ask(moved, get())) == b"x"


async def test_a_port_that_is_taken_is_an_error_at_the_start(alone: Alone) -> None:
    async with replica(named(b"x"), host="127.0.0.1") as upstream:
        alone.write(upstream.url, port=upstream.port)
        with alone.run() as running:
            assert await asyncio.to_thread(running.wait, 60) == 1
        assert f"port {upstream.port} cannot be listened on: Address already in use" in alone.output


async def test_interrupted_it_lets_what_is_in_flight_finish(alone: Alone) -> None:
    slow = Slow()
    async with replica(slow) as upstream:
        alone.write(upstream.url)
        with alone.run() as running:
            await alone.says("Ctrl-C ends it")
            async with connection(alone.port) as (reader, writer):
                writer.write(get(close=False))
                await reader.readuntil(b"\r\nabc")
                running.send_signal(signal.SIGINT)
                await alone.says("stopping")
                slow.finish.set()
                assert await reader.readexactly(3) == b"def"
            assert await asyncio.to_thread(running.wait, 30) == 0
        assert "Traceback" not in alone.output


async def test_interrupted_twice_it_ends_at_once(alone: Alone) -> None:
    async with replica(Slow()) as upstream:
        alone.write(upstream.url)
        with alone.run() as running:
            await alone.says("Ctrl-C ends it")
            async with connection(alone.port) as (reader, writer):
                writer.write(get(close=False))
                await reader.readuntil(b"\r\nabc")
                running.send_signal(signal.SIGINT)
                await alone.says("stopping")
                running.send_signal(signal.SIGINT)
                assert await reader.read() == b""
            assert await asyncio.to_thread(running.wait, 8) == 0


async def test_endpoints_may_be_unix_sockets_and_ipv6(alone: Alone, home: Path) -> None:
    async with unix_replica(home / "a.sock", named(b"u")), ipv6_replica(named(b"6")) as url:
        alone.write(f"unix:{home}/a.sock")
        with alone.run():
            await alone.answers(b"u")
            alone.write(url)
            await alone.answers(b"6")


async def test_a_killed_process_serves_the_newest_file_again(alone: Alone) -> None:
    async with replica(named(b"x")) as first, replica(named(b"y")) as second:
        alone.write(first.url)
        with alone.run() as running:
            await alone.answers(b"x")
            alone.write(second.url)
            await alone.answers(b"y")
            for child in psutil.Process(running.pid).children():
                child.kill()
            answers = [content(await ask(alone.port, get())) for _ in range(5)]
            assert set(answers) == {b"y"}


async def test_a_directory_keeps_the_access_log(alone: Alone, home: Path) -> None:
    async with replica(named(b"x")) as upstream:
        alone.write(upstream.url)
        with alone.run("--directory", str(home / "kept")) as running:
            await alone.answers(b"x")
            running.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(running.wait, 30) == 0
        (log,) = (home / "kept" / "balancer" / "access").glob("demo.*.log")
        assert "GET / 200" in log.read_text()


@asynccontextmanager
async def unix_replica(path: Path, handler: Handler) -> AsyncIterator[None]:
    running = Replica(handler)
    server = await asyncio.start_unix_server(running.handle, path)
    yield
    server.close()
    await running.stop()


@asynccontextmanager
async def ipv6_replica(handler: Handler) -> AsyncIterator[str]:
    running = Replica(handler)
    server = await asyncio.start_server(running.handle, "::1", 0)
    yield f"http://[::1]:{server.sockets[0].getsockname()[1]}"
    server.close()
    await running.stop()


def test_every_setting_of_a_service_that_the_balancer_takes_can_be_said() -> None:
    said = {"endpoints", "draining", "removed", "service", "incarnation", "started_at"}
    learned = {"cold_start_seconds"}
    settings = set(EndpointSet.model_fields) - said - learned - {"generation", "port"}
    assert settings <= set(ServiceSettings.model_fields)
    assert set(BALANCER_KEYS) == {"load_balancer", *(settings & set(Service.model_fields))}


PROBLEMS = [
    ("services: []", "is empty; allowed: at least one service"),
    ("", "is empty; allowed: `services`"),
    ("services: {a: 1}", "found a mapping; allowed: a list"),
    ("services: [{name: a, port: 1}]", "endpoints: is missing"),
    ("services: [{name: a, port: 0, endpoints: []}]", "found 0; allowed: 1 or more"),
    ("services: [{name: 1a, port: 1, endpoints: []}]", "found '1a'; allowed: a letter"),
    ("services: [{name: a, port: 1, endpoints: [x]}]", "allowed: http://HOST:PORT"),
    ("services: [{name: a, port: 1, endpoints: ['http://a/b']}]", "found 'http://a/b'"),
    ("services: [{name: a, port: 1, endpoints: ['http://a:1', 'http://a:1']}]", "there twice"),
    ("services: [{name: a, port: 1, endpoints: [{uri: x}]}]", "did you mean 'url'?"),
    ("services: [{name: a, port: 1, endpoints: [], retry: al}]", "did you mean 'all'?"),
    ("services: [{name: a, port: 1, endpoints: [], replicas: 2}]", "unknown key; allowed: name"),
    (
        "services: [{name: a, port: 1, endpoints: [], readiness_probe: /}]",
        "services[0].readiness_probe: unknown key",
    ),
    (
        "services: [{name: a, port: 1, endpoints: []}, {name: b, port: 1, endpoints: []}]",
        "services[1].port: '1' is there twice; allowed: each port once",
    ),
]


@pytest.mark.parametrize(("text", "message"), PROBLEMS, ids=[text for text, _ in PROBLEMS])
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "services.yaml"
    file.write_text(text)
    with pytest.raises(SpecError) as refused:
        load_static(file)
    assert message in str(refused.value)
    assert str(refused.value).startswith(f"{file}:1:" if "services: [{" in text else str(file))


def test_a_service_means_what_it_means_in_a_service_yaml(tmp_path: Path) -> None:
    file = tmp_path / "services.yaml"
    file.write_text(
        "services: [{name: a, port: 7, retry: all, endpoints: ['http://[::1]:9', 'unix:/a'],"
        " load_balancer: {stream_timeout_seconds: 3}}]"
    )
    (found,) = load_static(file)
    assert (found.service, found.port, found.retry) == ("a", 7, "all")
    assert found.stream_timeout_seconds == 3
    assert [(each.replica_id, each.url) for each in found.endpoints] == [
        (1, "http://[::1]:9"),
        (2, "unix:/a"),
    ]
