"""A real data-plane process and services on it."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lb.control.data_plane import DataPlane, DataPlaneUnavailable
from lb.data.access_log import AccessLogs
from lb.data.endpoints import EndpointSet as PlainSet
from lb.reports import ReplicaCounters, ServiceCounters
from skyflow.config import Settings
from skyflow.state import Endpoint, EndpointSet
from tests.waiting import eventually

_numbers = itertools.count(1)


def process(
    home: Path, *arguments: str, **environment: str
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run one of the balancer's processes; its output goes to a file in the home."""
    return _running(home, arguments, environment)


def process_with_few_files(
    home: Path, limit: int, *arguments: str, environment: Mapping[str, str] | None = None
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run one that can open no more than so many files and connections."""
    limited = ("sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh")
    return _running(home, arguments, environment or {}, limited)


@contextmanager
def _running(
    home: Path,
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    prefix: tuple[str, ...] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    home.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, "SKYFLOW_HOME": str(home), **environment}
    command = [*prefix, sys.executable, "-m", "lb", *arguments]
    with (home / f"{arguments[0]}.log").open("ab") as log:
        running = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
        try:
            yield running
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait()


async def answering(api: DataPlane) -> None:
    async def answers() -> bool:
        try:
            await api.services()
        except DataPlaneUnavailable:
            return False
        return True

    await eventually(answers, what="the data plane answers")


@dataclass
class Served:
    """A service on the data plane."""

    api: DataPlane
    home: Path
    endpoints: EndpointSet

    @property
    def port(self) -> int:
        return self.endpoints.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def change(self, **changes: Any) -> EndpointSet:
        generation = self.endpoints.generation + 1
        self.endpoints = self.endpoints.model_copy(update={"generation": generation, **changes})
        return await self.api.apply(self.endpoints)

    async def counters(self) -> ServiceCounters:
        services = (await self.api.services()).services
        return next(s for s in services if s.service == self.endpoints.service)

    async def replica(self, replica_id: int = 1) -> ReplicaCounters:
        return next(r for r in (await self.counters()).replicas if r.replica_id == replica_id)

    async def in_flight(self, replica_id: int = 1) -> int:
        return (await self.replica(replica_id)).in_flight

    async def log_lines(self, count: int) -> list[str]:
        path = AccessLogs(Settings(home=self.home).balancer / "access").path(
            self.endpoints.service, self.endpoints.incarnation
        )

        def lines() -> list[str] | None:
            found = path.read_text().splitlines() if path.exists() else []
            return found if len(found) >= count else None

        return await eventually(lines, what=f"{count} lines in {path}") or []


@dataclass
class Plane:
    """A running data plane."""

    api: DataPlane
    home: Path
    served: list[Served] = field(default_factory=list)

    async def serve(self, *urls: str, **options: Any) -> Served:
        number = next(_numbers)
        settings: dict[str, Any] = {
            "service": f"service-{number}",
            "incarnation": f"i{number}",
            "started_at": time.time(),
            "generation": 1,
            "port": free_port(),
            "endpoints": endpoints(*urls),
        }
        served = Served(self.api, self.home, EndpointSet(**{**settings, **options}))
        await self.api.apply(served.endpoints)
        self.served.append(served)
        return served


def endpoint_set(*urls: str) -> EndpointSet:
    return EndpointSet(
        service="demo",
        incarnation="i1",
        started_at=1,
        generation=1,
        port=free_port(),
        endpoints=endpoints(*urls),
    )


def plain(*urls: str) -> PlainSet:
    """Return an endpoint set as the data plane itself has it."""
    return PlainSet.of(endpoint_set(*urls).model_dump())


def endpoints(*urls: str) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(replica_id=n, url=url) for n, url in enumerate(urls, 1))


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
