"""Updates of workflows, sent until they arrive."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from skyflow.contracts import WORKFLOW_QUEUE, WorkflowName
from skyflow.naming import INSTALLATION_WORKFLOW_ID
from skyflow.records import Record

Answer = TypeVar("Answer")

_TRIES = 10
"""More would only hide that the workflow fails at each task."""
_PAUSE_SECONDS = 0.2


async def send_update(send: Callable[[], Awaitable[Answer]]) -> Answer:
    """Send an update, and again if the workflow was just not able to take it in.

    Temporal gives an update up when it comes in the moment at which its workflow continues as new
    and something else comes too (WorkflowNotReadyFailure). The workflow has not seen it then.

    Args:
        send: Sends the update, each time with the same id.

    Raises:
        Exception: What `send` raises.

    """
    for _ in range(_TRIES - 1):
        try:
            return await send()
        except RPCError as error:
            if not _came_too_early(error):
                raise
        await asyncio.sleep(_PAUSE_SECONDS)
    return await send()


async def ask_installation(
    client: Client,
    message: str,
    argument: Record,
    result: type[Answer],
    timeout: timedelta | None = None,
) -> Answer:
    """Send an update to the installation's workflow, which is started if it does not run.

    Args:
        client: Where it runs.
        message: Name of the update.
        argument: What it takes.
        result: What it answers with.
        timeout: Longest wait for one answer of the server, if not its own.

    Raises:
        RPCError: Temporal or the installation does not answer.
        WorkflowUpdateFailedError: The installation refused.

    """
    update_id = str(uuid.uuid4())

    async def send() -> Answer:
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            WorkflowName.INSTALLATION,
            None,
            id=INSTALLATION_WORKFLOW_ID,
            task_queue=WORKFLOW_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        answer: Answer = await client.execute_update_with_start_workflow(
            message,
            argument,
            result_type=result,
            start_workflow_operation=start,
            id=update_id,
            rpc_timeout=timeout,
        )
        return answer

    return await send_update(send)


def _came_too_early(error: RPCError) -> bool:
    if error.status is not RPCStatusCode.FAILED_PRECONDITION:
        return False
    details = error.grpc_status.details
    return any(each.type_url.endswith(".WorkflowNotReadyFailure") for each in details)
