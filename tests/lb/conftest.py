from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from lb.control.data_plane import DataPlane
from skyflow.config import Settings
from tests.lb.control_plane import workflow_worker
from tests.lb.plane import Plane, answering, process
from tests.temporal import start_server


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a home whose path is short enough for a unix socket everywhere."""
    path = Path(tempfile.mkdtemp(prefix="lb", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="package")
async def running_plane() -> AsyncIterator[Plane]:
    path = Path(tempfile.mkdtemp(prefix="lb", dir="/tmp"))
    with process(path, "data"):
        async with DataPlane(Settings(home=path)) as api:
            await answering(api)
            yield Plane(api, path)
    shutil.rmtree(path)


@pytest.fixture
async def plane(running_plane: Plane) -> AsyncIterator[Plane]:
    """Yield a data plane for real requests; what a test serves on it is removed after."""
    yield running_plane
    while running_plane.served:
        served = running_plane.served.pop()
        await served.change(removed=True)


@pytest.fixture(scope="package")
async def temporal() -> AsyncIterator[Client]:
    environment = await start_server()
    async with workflow_worker(environment.client):
        yield environment.client
    await environment.shutdown()
