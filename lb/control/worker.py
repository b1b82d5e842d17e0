"""Polls the balancer's task queue for as long as the process runs, whatever becomes of Temporal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.worker import Worker

from lb.control.activities import BalancerActivities
from lb.control.data_plane import DataPlane
from lb.control.upkeep import Upkeep
from skyflow.config import Settings
from skyflow.contracts import balancer_queue
from skyflow.temporal import BUILD_ID, connect

_FIRST_RETRY_SECONDS = 0.5
_LONGEST_RETRY_SECONDS = 2.0
"""Time between attempts to connect, each of which goes on for ten seconds by itself."""
_GRACE = timedelta(seconds=2)
"""Time for activities when the process is asked to end."""
_HEARTBEAT_THROTTLE = timedelta(seconds=10)
"""Longest time that a heartbeat is held back: a cancel is heard of with the next one."""
_CHECK_TIMEOUT = timedelta(seconds=2)

_log = logging.getLogger(__name__)


class BalancerWorker:
    """The worker of one balancer."""

    def __init__(self, settings: Settings, balancer: str, data_plane: DataPlane) -> None:
        self.admin = ""
        """URL of the admin port, once it is listened on."""
        self._settings = settings
        self._balancer = balancer
        self._data_plane = data_plane
        self._client: Client | None = None
        self._worker: Worker | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Connect, register, fetch what to serve, and work; until told to stop."""
        delay = _FIRST_RETRY_SECONDS
        while not stop.is_set():
            try:
                self._client = await _unless(stop, connect(self._settings))
                delay = _FIRST_RETRY_SECONDS
                if self._client:
                    await self._work(self._client, stop)
            except Exception as error:
                _log.warning("not working for Temporal, next try in %g s: %s", delay, error)
                await _wait(stop, delay)
                delay = min(delay * 2, _LONGEST_RETRY_SECONDS)

    async def polls(self) -> bool:
        """Return whether Temporal sees this worker poll its queue."""
        client = self._client
        if client is None or self._worker is None or not self._worker.is_running:
            return False
        request = DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=balancer_queue(self._balancer)),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
        try:
            queue = await client.workflow_service.describe_task_queue(
                request, timeout=_CHECK_TIMEOUT
            )
        except Exception as error:
            _log.warning("Temporal does not say whether this worker polls: %s", error)
            return False
        return any(poller.identity == client.identity for poller in queue.pollers)

    async def _work(self, client: Client, stop: asyncio.Event) -> None:
        activities = BalancerActivities(self._data_plane)
        self._worker = Worker(
            client,
            task_queue=balancer_queue(self._balancer),
            activities=[activities.apply_endpoints, activities.drain_replica],
            graceful_shutdown_timeout=_GRACE,
            max_heartbeat_throttle_interval=_HEARTBEAT_THROTTLE,
            build_id=BUILD_ID,
        )
        async with self._worker:
            _log.info("working on %s", balancer_queue(self._balancer))
            upkeep = asyncio.create_task(
                Upkeep(client, self._balancer, self._data_plane, self.admin).run()
            )
            try:
                await stop.wait()
            finally:
                upkeep.cancel()
                await asyncio.gather(upkeep, return_exceptions=True)


async def _unless(stop: asyncio.Event, action: Coroutine[Any, Any, Client]) -> Client | None:
    task = asyncio.create_task(action)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return None
    return task.result()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
