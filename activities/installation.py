"""Endpoint ports: asked of the installation's workflow, which is started if it does not run."""

from __future__ import annotations

from typing import Any, TypeVar

from temporalio import activity
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from activities.context import Context
from skyflow.contracts import (
    RELEASE_ENDPOINT,
    RESERVE_ENDPOINT,
    WORKFLOW_QUEUE,
    Message,
    Slot,
    SlotRelease,
    SlotRequest,
    WorkflowName,
)
from skyflow.naming import INSTALLATION_WORKFLOW_ID

Answer = TypeVar("Answer")


class InstallationActivities:
    """Activities that ask the installation."""

    def __init__(self, context: Context) -> None:
        """Ask through the client of a worker's context."""
        self._client = context.client

    @activity.defn(name=RESERVE_ENDPOINT.name)
    async def reserve_endpoint(self, request: SlotRequest) -> Slot:
        """Return the endpoint port of a service; the same one each time it is asked."""
        return await _ask(self._client, Message.RESERVE, request, Slot)

    @activity.defn(name=RELEASE_ENDPOINT.name)
    async def release_endpoint(self, release: SlotRelease) -> bool:
        """Give a service's port back; return whether it held one."""
        return await _ask(self._client, Message.RELEASE, release, bool)


async def _ask(client: Client, message: str, argument: object, result: type[Answer]) -> Answer:
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        WorkflowName.INSTALLATION,
        None,
        id=INSTALLATION_WORKFLOW_ID,
        task_queue=WORKFLOW_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    answer: Answer = await client.execute_update_with_start_workflow(
        message, argument, result_type=result, start_workflow_operation=start
    )
    return answer
