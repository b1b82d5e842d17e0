"""A Temporal server for the session, and a controller with a made-up world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from skyflow.contracts import OPERATIONS_QUEUE, WATCH_QUEUE, WORKFLOW_QUEUE, balancer_queue
from skyflow.naming import INSTALLATION_WORKFLOW_ID
from tests.temporal import end_workflows, start_server
from tests.workflows.harness import Controller
from tests.workflows.world import World
from worker.run import WORKFLOWS
from workflows.messages import DropUnfitSignals


@pytest.fixture(scope="package")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    environment = await start_server()
    yield environment
    await environment.shutdown()


@pytest.fixture(params=[0, 1000], ids=["uncached", "cached"])
def cached_workflows(request: pytest.FixtureRequest) -> int:
    """Return how many workflows a worker may cache: with none, every task is a replay."""
    assert isinstance(request.param, int)
    return request.param


@pytest.fixture
async def controller(
    server: WorkflowEnvironment, cached_workflows: int
) -> AsyncIterator[Controller]:
    made = Controller(server.client, World())
    async with AsyncExitStack() as stack:
        for worker in workers(server.client, made.world, cached_workflows):
            await stack.enter_async_context(worker)
        yield made
    await end_workflows(server.client, made.handle.id, INSTALLATION_WORKFLOW_ID)


BUILD_ID = "tests"
"""Told, or it would be made of all code there is, which takes seconds."""


def workers(client: Client, world: World, cached_workflows: int) -> list[Worker]:
    """Return workers for the real workflows and for the activities of a world.

    Workflows that are cached run as in the worker; those that are not, in Temporal's sandbox.
    """
    runner = UnsandboxedWorkflowRunner() if cached_workflows else SandboxedWorkflowRunner()
    throttle = timedelta(milliseconds=300)
    return [
        Worker(
            client,
            task_queue=WORKFLOW_QUEUE,
            workflows=WORKFLOWS,
            build_id=BUILD_ID,
            workflow_runner=runner,
            interceptors=[DropUnfitSignals()],
            max_cached_workflows=cached_workflows,
            max_concurrent_workflow_task_polls=2,
        ),
        *(
            Worker(
                client,
                task_queue=queue,
                activities=activities,
                build_id=BUILD_ID,
                max_heartbeat_throttle_interval=throttle,
            )
            for queue, activities in (
                (OPERATIONS_QUEUE, world.activities),
                (WATCH_QUEUE, world.watches),
                (balancer_queue("main"), world.balancer_activities),
            )
        ),
    ]
