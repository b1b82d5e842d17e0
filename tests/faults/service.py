"""The service of a run: how it is, what is asked of it, and what is left of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from skyflow.client import Skyflow
from skyflow.contracts import WATCH_LOAD, WORKFLOW_QUEUE, Message, ReaperRequest, WorkflowName
from skyflow.errors import ControllerUnavailable
from skyflow.naming import REAPER_ID, replica_workflow_id, service_directory, service_workflow_id
from skyflow.state import EndpointSet, ReplicaPhase, ReplicaRecord, ServicePhase, ServiceStatus
from tests.faults.leftovers import leftovers
from tests.faults.stack import Stack

BACK_SECONDS = 150.0
"""Longest time until two replicas are ready again after a fault, and to take a service down."""
GONE_SECONDS = 180.0
"""Longest time to clear away what a terminated service left: time-outs of faults add up in one run
of the reaper, which has an hour."""
LOOK_SECONDS = 0.2

Answer = TypeVar("Answer")
Handle = WorkflowHandle[Any, Any]


class Service:
    """One incarnation of a service on a stack."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        self.name = name
        self.incarnation = ""
        """Known once it serves."""
        self._interfaces: set[str] = set()

    @property
    def workflow_id(self) -> str:
        return service_workflow_id(self.name)

    def replica_workflow_id(self, record: ReplicaRecord) -> str:
        return replica_workflow_id(self.name, self.incarnation, record.replica_id)

    async def endpoints(self) -> EndpointSet | None:
        """Return what the balancer serves; None if that is nothing, or it does not answer."""
        with suppress(ControllerUnavailable):
            sets = (await self.stack.data_plane.endpoint_sets()).sets
            return next((each for each in sets if each.service == self.name), None)
        return None

    async def ready(self) -> list[ReplicaRecord]:
        """Return the replicas that are ready, as soon as the service says so by itself."""
        status = await until(self._status, "the service says how it is")
        assert status
        return _ready(status)

    async def until_back(self, count: int = 2, without: int | None = None) -> None:
        """Wait until so many replicas are ready, and the balancer has those and no others."""

        async def is_back() -> bool:
            endpoints = await self.endpoints()
            served = {e.replica_id for e in endpoints.endpoints} if endpoints else set[int]()
            if len(served) != count or without in served:
                return False
            status = await self._status()
            if status is None or status.phase is not ServicePhase.READY:
                return False
            return served == {r.replica_id for r in _ready(status)}

        await until(is_back, f"{count} replicas are ready and served")
        self._note_interfaces()

    async def command(self, command: Callable[[Skyflow], Awaitable[Answer]]) -> Answer:
        """Do what a user does whose command says that nobody answers: the same again."""
        return await repeated(lambda: command(self.stack.sdk))

    async def continue_as_new(self, workflow_id: str) -> None:
        """Have a workflow continue as new; that it ends instead is none of ours."""
        handle = self._handle(workflow_id)
        before = await repeated(handle.describe)
        await repeated(lambda: handle.signal(Message.CHECKPOINT))

        async def continued() -> bool:
            now = await repeated(handle.describe)
            return now.run_id != before.run_id or now.close_time is not None

        await until(continued, f"{workflow_id} continues as new")

    async def load_watch(self) -> str:
        """Return which watch of its load is open; empty if none is."""
        described = await repeated(self._handle(self.workflow_id).describe)
        for each in described.raw_description.pending_activities:
            if each.activity_type.name == WATCH_LOAD.name:
                return f"{described.run_id}/{each.activity_id}"
        return ""

    async def until_load_is_watched(self, before: str) -> None:
        """Wait until another watch of its load is open than before."""

        async def is_watched() -> bool:
            return await self.load_watch() not in ("", before)

        await until(is_watched, "its load is watched anew")

    async def terminate(self, workflow_id: str) -> None:
        """Terminate a workflow, as somebody may in Temporal's web UI."""
        run = await repeated(self._handle(workflow_id).describe)
        handle: Handle = self.stack.client.get_workflow_handle(workflow_id, run_id=run.run_id)
        try:
            await repeated(handle.terminate)
        except RPCError as error:  # an earlier try may have done it, whose answer was lost
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def run_reaper(self) -> None:
        """Do at once what the schedule does every few minutes."""
        await repeated(
            lambda: self.stack.client.execute_workflow(
                WorkflowName.REAPER,
                ReaperRequest(grace_seconds=1),
                id=f"{REAPER_ID}-{self.name}",
                task_queue=WORKFLOW_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )
        )

    async def ended_as(self) -> str:
        """Return how the service's workflow has ended."""
        described = await repeated(self._handle(self.workflow_id).describe)
        return described.status.name if described.status else "?"

    def age_files(self) -> None:
        """Make the files in the store old: the reaper leaves young ones for a while."""
        directory = self.stack.settings.store / service_directory(self.incarnation)
        for path in (directory, *directory.rglob("*")):
            os.utime(path, (0, 0))

    async def left(self) -> list[str]:
        """Return what is left of it."""
        found = leftovers(self.stack, self.name, self.incarnation, self._interfaces)
        return [each async for each in found]

    async def _status(self) -> ServiceStatus | None:
        with suppress(ControllerUnavailable):
            view = await self.stack.sdk.find(self.name)
            return view.status if view and not view.stale else None
        return None

    def _handle(self, workflow_id: str) -> Handle:
        return self.stack.client.get_workflow_handle(workflow_id)

    def _note_interfaces(self) -> None:
        cloud = self.stack.local
        for path in cloud.ledger.path.parent.glob("skyflow-*"):
            directory = cloud.directory(path.name)
            contact = directory.contact if directory else None
            if contact and contact.interface:
                self._interfaces.add(contact.interface)


async def until(
    condition: Callable[[], Awaitable[Answer]],
    what: str,
    seconds: float = BACK_SECONDS,
    pause: float = LOOK_SECONDS,
) -> Answer:
    """Return the first true value of a condition, looking now and then."""
    deadline = time.monotonic() + seconds
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(pause)
    return value


async def repeated(action: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do something again until somebody answers."""
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        try:
            return await action()
        except (ControllerUnavailable, RPCError) as error:
            if _is_final(error) or time.monotonic() > deadline:
                raise
        await asyncio.sleep(LOOK_SECONDS)


def _ready(status: ServiceStatus) -> list[ReplicaRecord]:
    return [r for r in status.replicas if r.live and r.phase is ReplicaPhase.READY]


def _is_final(error: ControllerUnavailable | RPCError) -> bool:
    """Return whether there is no such workflow; for a moment there may seem to be no namespace."""
    if not isinstance(error, RPCError) or error.status is not RPCStatusCode.NOT_FOUND:
        return False
    return "Namespace" not in error.message
