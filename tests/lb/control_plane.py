"""The control process and what it talks to: a real Temporal, a real data plane."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from temporalio.client import Client
from temporalio.worker import Worker

from lb.control.data_plane import DataPlane
from skyflow.contracts import WORKFLOW_QUEUE, DrainRequest, DrainResult, EndpointsApplied
from skyflow.state import EndpointSet
from tests.lb.plane import free_port, process
from tests.lb.temporal_workflows import Apply, Drain, Service
from tests.waiting import eventually
from workflows.installation import InstallationWorkflow


@dataclass
class Control:
    """A running control process."""

    client: Client
    api: DataPlane
    balancer: str
    home: Path
    admin: str

    async def admin_get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(self.admin + path) as response:
                    return response.status, await response.text()
            except aiohttp.ClientConnectionError:
                return 0, ""

    async def healthy(self) -> bool:
        return (await self.admin_get("/healthz"))[0] == 200

    async def apply(self, endpoints: EndpointSet) -> EndpointsApplied:
        return await self.client.execute_workflow(
            Apply.run, args=[self.balancer, endpoints], id=uuid4().hex, task_queue=WORKFLOW_QUEUE
        )

    async def drain(self, request: DrainRequest) -> DrainResult:
        return await self.client.execute_workflow(
            Drain.run, args=[self.balancer, request], id=uuid4().hex, task_queue=WORKFLOW_QUEUE
        )


@asynccontextmanager
async def workflow_worker(client: Client) -> AsyncIterator[None]:
    workflows: list[Any] = [InstallationWorkflow, Service, Apply, Drain]
    async with Worker(client, task_queue=WORKFLOW_QUEUE, workflows=workflows):
        yield


@asynccontextmanager
async def control_process(client: Client, api: DataPlane, home: Path) -> AsyncIterator[Control]:
    """Run a control process, not yet healthy."""
    port, balancer = free_port(), uuid4().hex
    environment = {
        "TEMPORAL_ADDRESS": client.service_client.config.target_host,
        "SKYFLOW_BALANCER": balancer,
    }
    with process(home, "control", "--admin-port", str(port), **environment) as running:
        control = Control(client, api, balancer, home, f"http://127.0.0.1:{port}")

        async def answers() -> bool:
            assert running.poll() is None
            return (await control.admin_get("/healthz"))[0] > 0

        await eventually(answers)
        yield control
        running.terminate()
        assert await asyncio.to_thread(running.wait, 10) == 0, (home / "control.log").read_text()
