from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from skyflow.clouds.local.mode import own_network_problem
from skyflow.config import LocalNetwork
from skyflow.storage.store import Store
from tests.e2e.computer import described, interfaces_left, processes_about
from tests.e2e.stack import EXAMPLES, Outcome, Stack

NETWORKS: tuple[LocalNetwork, ...] = ("shared",) if own_network_problem() else ("own", "shared")
ONE_NETWORK = pytest.mark.parametrize(
    "stack",
    [pytest.param(NETWORKS[0], marks=pytest.mark.xdist_group(f"e2e-{NETWORKS[0]}"))],
    indirect=True,
)
"""Of tests of what is the same whatever the network of machines is: they take minutes."""
LEFT_IN_MACHINES = {"ledger.jsonl", ".ended", ".removing"}
"""The ledger, the marks of machines that must not start again, and an empty directory."""

Up = Callable[..., Awaitable[Outcome]]


@pytest.fixture(scope="package")
def _environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("TEMPORAL_", "SKYFLOW_"))]:
            patch.delenv(name)
        patch.setenv("XDG_CONFIG_HOME", "/nonexistent")
        patch.setenv("NO_COLOR", "1")
        yield


@pytest.fixture(
    scope="package",
    params=[pytest.param(n, marks=pytest.mark.xdist_group(f"e2e-{n}")) for n in NETWORKS],
)
async def stack(request: pytest.FixtureRequest, _environment: None) -> AsyncIterator[Stack]:
    async with running_stack(request.param) as stack:
        yield stack


@asynccontextmanager
async def running_stack(
    network: LocalNetwork, bucket_url: str | None = None, **variables: str
) -> AsyncIterator[Stack]:
    """Run a stack; at its end take everything down and make sure that nothing is left."""
    # The path of a Unix socket has about 100 characters.
    home = Path(tempfile.mkdtemp(prefix="skyflow-", dir="/tmp"))
    stack = Stack(home=home, network=network, bucket_url=bucket_url, variables=variables)
    stack.temporary.mkdir()
    try:
        await stack.run("stack", "up")
        yield stack
        if await (await stack.sdk()).status():
            await stack.run("serve", "down", "--all", "-y")
        await stack.run("stack", "down", "-y")
        await _nothing_is_left(stack)
    finally:
        for process in processes_about(str(home)):
            process.kill()
        shutil.rmtree(home, ignore_errors=True)


async def _nothing_is_left(stack: Stack) -> None:
    assert [described(process) for process in processes_about(str(stack.home))] == []
    assert interfaces_left(stack.interfaces) == set()
    assert {path.name for path in stack.settings.machines.glob("*")} <= LEFT_IN_MACHINES
    assert not any((stack.settings.machines / ".removing").glob("*"))
    assert await Store(stack.settings).directories("services") == ()
    assert [path.name for path in stack.temporary.iterdir()] == []


@pytest.fixture(scope="package")
async def hello(stack: Stack) -> AsyncIterator[Outcome]:
    """Return what `up` of the well-known example printed; the service is called hello."""
    yield await stack.run("serve", "up", EXAMPLES / "hello" / "service.yaml", "-y")
    await stack.run("serve", "down", "hello", "-y")


@pytest.fixture
async def up(stack: Stack) -> AsyncIterator[Up]:
    """Bring services up with the command line; those that still run are taken down in the end."""
    names: list[str] = []

    async def bring_up(path: Path, name: str, *more: str, status: int = 0) -> Outcome:
        names.append(name)
        return await stack.run("serve", "up", path, "-n", name, "-y", *more, status=status)

    yield bring_up
    running = [v.status.service for v in await (await stack.sdk()).status()]
    await take_down(stack, *(name for name in dict.fromkeys(names) if name in running))


async def take_down(stack: Stack, *names: str) -> None:
    """Take services down and make sure that nothing of them is left but their logs."""
    if not names:
        return
    incarnations = [(await stack.view(name)).status.incarnation for name in names]
    await stack.run("serve", "down", *names, "-y")
    for incarnation in incarnations:
        await nothing_is_left_of(stack, incarnation)


async def nothing_is_left_of(stack: Stack, incarnation: str) -> None:
    """Check that one incarnation has no machine, process or file but its logs."""
    assert stack.machines(incarnation) == []
    assert not (stack.settings.store / "services" / incarnation).exists()
    left = [described(process) for process in processes_about(f"-{incarnation}-")]
    assert left == []
