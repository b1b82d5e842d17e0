"""Makes a balancer known to the installation, and fetches what it should serve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from lb.control.data_plane import DataPlane
from skyflow.contracts import BalancerRegistration, Balancers, Message, WorkflowName
from skyflow.naming import service_workflow_id
from skyflow.state import EndpointSet
from skyflow.temporal import ask_installation

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0
_CALL_TIMEOUT = timedelta(seconds=10)
_RUNNING_SERVICES = f'WorkflowType="{WorkflowName.SERVICE}" AND ExecutionStatus="Running"'

_log = logging.getLogger(__name__)


async def register(client: Client, balancer: str) -> None:
    """Register a balancer with the installation, which is started if it does not run.

    Raises:
        Exception: Temporal or the installation does not answer.
    """
    registration = BalancerRegistration(balancer=balancer)
    await ask_installation(
        client, Message.REGISTER_BALANCER, registration, Balancers, timeout=_CALL_TIMEOUT
    )


async def fetch_endpoints(client: Client, data_plane: DataPlane) -> None:
    """Ask every running service for its endpoint set and put it in force; drop those that ended.

    Raises:
        ExceptionGroup: Some services did not answer or were refused; the others are served.
        Exception: Temporal does not answer.
    """
    problems: list[Exception] = []
    await _drop_ended(client, data_plane)
    async for workflow_id in _running_services(client):
        try:
            await _fetch(client, data_plane, workflow_id)
        except Exception as error:
            problems.append(error)
    if problems:
        raise ExceptionGroup(f"{len(problems)} services are not up to date", problems)


async def until_done(what: str, action: Callable[[], Awaitable[None]]) -> None:
    """Repeat an action until it succeeds, after ever longer waits."""
    delay = FIRST_RETRY_SECONDS
    while True:
        try:
            await action()
        except Exception as error:
            if (task := asyncio.current_task()) and task.cancelling():
                # Temporal's client reports a cancelled call as an error of its own.
                raise asyncio.CancelledError from error
            _log.warning("%s failed, next try in %g s: %r", what, delay, error)
        else:
            _log.info("%s succeeded", what)
            return
        await asyncio.sleep(delay)
        delay = min(delay * 2, LONGEST_RETRY_SECONDS)


async def _drop_ended(client: Client, data_plane: DataPlane) -> None:
    """Stop serving what was taken down while this balancer was away.

    Only a service that is known to have ended in good order is dropped: one that Temporal does not
    know may be that of a Temporal which lost its database, and its replicas still answer.
    """
    for endpoints in (await data_plane.endpoint_sets()).sets:
        handle = client.get_workflow_handle(service_workflow_id(endpoints.service))
        try:
            description = await handle.describe(rpc_timeout=_CALL_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            continue
        if description.status is WorkflowExecutionStatus.COMPLETED:
            newer = {"generation": endpoints.generation + 1, "endpoints": (), "removed": True}
            await data_plane.apply(endpoints.model_copy(update=newer))


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
