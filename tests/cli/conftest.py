"""The command line against a real Temporal server and the real workflows, in a made-up world."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from cli.main import root
from skyflow.client import Skyflow
from skyflow.config import Settings
from skyflow.errors import ControllerUnavailable
from skyflow.naming import INSTALLATION_WORKFLOW_ID
from skyflow.processes import ProcessIdentity
from skyflow.sdk.lookup import require_worker
from skyflow.stack_state import (
    ProcessState,
    StackPorts,
    StackProcess,
    StackState,
    make_directories,
    write_state,
)
from tests.temporal import end_workflows, start_server
from tests.waiting import eventually
from tests.workflows.conftest import workers
from tests.workflows.world import World

Run = Callable[..., Coroutine[Any, Any, Result]]

SERVICE = """\
name: hello
resources:
  cloud: local
service:
  readiness_probe: /
  replicas: 2
run: python -m http.server $SKYFLOW_REPLICA_PORT
"""


@pytest.fixture(scope="package")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    environment = await start_server()
    yield environment
    await environment.shutdown()


@pytest.fixture
async def fresh_server() -> AsyncIterator[WorkflowEnvironment]:
    """Start a server that has never seen a worker; the others remember theirs for minutes."""
    environment = await start_server()
    yield environment
    await environment.shutdown()


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    for name in [name for name in os.environ if name.startswith(("TEMPORAL_", "SKYFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-configuration"))
    monkeypatch.setenv("SKYFLOW_HOME", str(tmp_path / "home"))
    return Settings.from_environment()


@pytest.fixture
def run() -> Run:
    """Run the command line as a user would; in a thread, for it has an event loop of its own."""

    async def invoke(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, root, arguments)

    return invoke


async def spawned(
    *arguments: str, preexec_fn: Callable[[], None] | None = None
) -> asyncio.subprocess.Process:
    """Start the command line as a process of its own, in which a function is called first."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
        preexec_fn=preexec_fn,
    )


@pytest.fixture
def stack(server: WorkflowEnvironment, settings: Settings) -> StackState:
    """Write down that this very process keeps a stack, whose Temporal is the test's server."""
    supervisor = ProcessIdentity.of(os.getpid())
    port = int(server.client.service_client.config.target_host.rsplit(":", 1)[1])
    state = StackState(
        supervisor=supervisor,
        ports=StackPorts(temporal=port, ui=port + 1, admin=port + 2),
        processes=(StackProcess(name="temporal", state=ProcessState.READY, identity=supervisor),),
    )
    make_directories(settings)
    write_state(settings, state)
    return state


@pytest.fixture
async def world(server: WorkflowEnvironment, stack: StackState) -> AsyncIterator[World]:
    """Run workers until the test ends, and no service beyond it."""
    made = World()
    async with AsyncExitStack() as running:
        for worker in workers(server.client, made, cached_workflows=100):
            await running.enter_async_context(worker)
        await eventually(lambda: has_worker(server.client))
        yield made
    await end_workflows(server.client, INSTALLATION_WORKFLOW_ID)


async def has_worker(client: Client) -> bool:
    """Return whether a command would find that work is done."""
    try:
        await require_worker(client)
    except ControllerUnavailable:
        return False
    return True


@pytest.fixture
async def skyflow(server: WorkflowEnvironment, settings: Settings) -> Skyflow:
    return Skyflow(settings, server.client)


@pytest.fixture
def yaml(tmp_path: Path) -> Path:
    path = tmp_path / "service.yaml"
    path.write_text(SERVICE)
    return path


async def deployed(run: Run, yaml: Path, *arguments: str) -> None:
    """Deploy a service and wait until it is ready."""
    result = await run("serve", "up", str(yaml), "-y", *arguments)
    assert result.exit_code == 0, result.output


def change(yaml: Path, before: str, after: str) -> None:
    """Write something else into a service YAML."""
    content = yaml.read_text()
    assert before in content
    yaml.write_text(content.replace(before, after))
