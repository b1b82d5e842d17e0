"""Brings the data plane to what Temporal's services say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from lb.control.data_plane import DataPlane
from skyflow.contracts import MEMO_STATUS, Message, WorkflowName
from skyflow.naming import service_workflow_id
from skyflow.records import Record
from skyflow.state import EndpointSet
from skyflow.temporal import knows_no_workflow

_CALL_TIMEOUT = timedelta(seconds=10)
_AT_ONCE = 8
"""Services asked at a time: one that does not answer must not hold up all others."""
_RUNNING_SERVICES = f'WorkflowType="{WorkflowName.SERVICE}" AND ExecutionStatus="Running"'
_ENDED = (
    WorkflowExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.CANCELED,
    WorkflowExecutionStatus.FAILED,
)


class _Incarnation(Record):
    """What matters here of the status that a service keeps in its memo."""

    started_at: float


async def catch_up(client: Client, data_plane: DataPlane) -> None:
    """Ask every running service for its endpoint set and put it in force; drop those that ended.

    A set that is in force already is confirmed by this, and one that is older changes nothing.

    Raises:
        ExceptionGroup: Some services did not answer or were refused; the others are served.
        Exception: Temporal or the data plane does not answer.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def fetch(workflow_id: str) -> None:
        async with turns:
            await _fetch(client, data_plane, workflow_id)

    await _drop_ended(client, data_plane)
    running = [workflow_id async for workflow_id in _running_services(client)]
    results = await asyncio.gather(*(fetch(found) for found in running), return_exceptions=True)
    problems = [result for result in results if isinstance(result, Exception)]
    if problems:
        raise ExceptionGroup(f"{len(problems)} services are not up to date", problems)


async def _drop_ended(client: Client, data_plane: DataPlane) -> None:
    """Stop serving what ended while nobody could tell this balancer.

    Only a service that is known to have ended is dropped: one that Temporal does not know may be
    that of a Temporal which lost its database, and its replicas still answer.
    """
    for endpoints in (await data_plane.endpoint_sets()).sets:
        if await _has_ended(client, endpoints):
            newer = {"generation": endpoints.generation + 1, "endpoints": (), "removed": True}
            await data_plane.apply(endpoints.model_copy(update=newer))


async def _has_ended(client: Client, endpoints: EndpointSet) -> bool:
    handle = client.get_workflow_handle(service_workflow_id(endpoints.service))
    try:
        description = await handle.describe(rpc_timeout=_CALL_TIMEOUT)
    except RPCError as error:
        if knows_no_workflow(error):
            return False
        raise
    if description.status not in _ENDED:
        return False
    status = await description.memo_value(MEMO_STATUS, None, type_hint=_Incarnation)
    # The end of an incarnation says nothing of a later one, whose balancer may have heard first.
    return status is not None and status.started_at >= endpoints.started_at


async def _running_services(client: Client) -> AsyncIterator[str]:
    async for execution in client.list_workflows(_RUNNING_SERVICES, rpc_timeout=_CALL_TIMEOUT):
        yield execution.id


async def _fetch(client: Client, data_plane: DataPlane, workflow_id: str) -> None:
    handle = client.get_workflow_handle(workflow_id)
    endpoints: EndpointSet | None = await handle.query(
        Message.ENDPOINTS, result_type=EndpointSet, rpc_timeout=_CALL_TIMEOUT
    )
    if endpoints:  # a service that was just started has no port yet, and tells when it has
        await data_plane.apply(endpoints)
