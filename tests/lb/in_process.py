"""A data plane in the process of the tests, so that they see and set what it knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lb.data.access_log import AccessLogs
from lb.data.endpoint_files import EndpointFiles
from lb.data.endpoints import Endpoint
from lb.data.registry import Registry
from lb.data.service import Service
from lb.data.sockets import OwnSockets
from tests.lb.plane import plain


class Served:
    """A service on a data plane in this process."""

    def __init__(self, registry: Registry, **options: Any) -> None:
        self._registry = registry
        self._endpoints = replace(plain(), generation=0, **options)

    @property
    def service(self) -> Service:
        return self._registry.slots()[0].service

    @property
    def wakes(self) -> int:
        return self._registry.wakes.count

    @property
    def port(self) -> int:
        return self._endpoints.port

    async def change(self, *urls: str, **options: Any) -> None:
        generation = self._endpoints.generation + 1
        endpoints = tuple(Endpoint(number, url) for number, url in enumerate(urls, 1))
        changes = {"generation": generation, "endpoints": endpoints, **options}
        self._endpoints = await self._registry.apply(replace(self._endpoints, **changes))


@asynccontextmanager
async def serving(home: Path, *urls: str, **options: Any) -> AsyncIterator[Served]:
    """Serve replicas with keys of an endpoint set."""
    logs = AccessLogs(home / "access")
    sockets = OwnSockets("127.0.0.1")
    registry = Registry(sockets, EndpointFiles(home / "endpoints"), logs)
    served = Served(registry, **options)
    try:
        await served.change(*urls)
        yield served
    finally:
        registry.close()
        registry.abort()
        await registry.finished()
        await logs.close()
        sockets.let_go()
