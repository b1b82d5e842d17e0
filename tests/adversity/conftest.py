from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.adversity.clock import Clocks
from tests.adversity.disk import mounts_are_possible, small_disk
from tests.adversity.stack import CrampedStack
from tests.e2e.computer import described, processes_about
from tests.e2e.conftest import _environment as _environment
from tests.e2e.services import write_service
from tests.waiting import eventually

# What needs no disk of its own is tested beside what it is about.
collect_ignore_glob = [] if mounts_are_possible() else ["test_*.py"]

NAME = "steady"


@pytest.hookimpl(tryfirst=True)  # before the groups are looked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests together, in one process: they share a stack."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("adversity"))


@pytest.fixture(scope="package")
def place() -> Iterator[Path]:
    # The path of a Unix socket has about 100 characters.
    path = Path(tempfile.mkdtemp(prefix="skyflow-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="package")
async def stack(place: Path, _environment: None) -> AsyncIterator[CrampedStack]:
    """Run a stack on a small disk; it must leave nothing."""
    (place / "disk").mkdir()
    (place / "scratch").mkdir()
    async with small_disk(place / "disk") as disk:
        stack = CrampedStack(
            home=disk.path / "home",
            network="shared",
            disk=disk,
            clocks=Clocks(place / "clocks"),
            scratch=place / "scratch",
        )
        try:
            await stack.run("stack", "up")
            yield stack
            await stack.run("serve", "down", "--all", "-y")
            await stack.run("stack", "down", "-y")
            left = [p for p in processes_about(str(stack.home)) if p.pid != disk.keeper]
            assert [described(process) for process in left] == []
            assert not any((stack.settings.store / "services").iterdir())
            assert list(stack.scratch.iterdir()) == []
            assert stack.database_check() == "ok"
        finally:
            for process in processes_about(str(stack.home)):
                process.kill()


@pytest.fixture(scope="package")
async def endpoint(stack: CrampedStack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the endpoint of a service of two replicas that asks for nothing but to be served."""
    probe = {"path": "/ready", "endpoint_probe_interval_seconds": 1}
    keys = {"replicas": 2, "readiness_probe": probe}
    spec = write_service(tmp_path_factory.mktemp(NAME), service=keys)
    await stack.run("serve", "up", spec, "-n", NAME, "-y")
    await eventually(lambda: stack.ready(NAME, count=2))
    return await stack.endpoint(NAME)
