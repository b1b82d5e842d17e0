"""Finding services and reading what they say of themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError

from skyflow import API_VERSION
from skyflow.contracts import MEMO_STATUS, WORKFLOW_QUEUE, Message, WorkflowName
from skyflow.errors import ControllerUnavailable, ServiceNotFound, SkyflowError
from skyflow.naming import parse_replica_workflow_id, service_workflow_id
from skyflow.sdk.faults import STACK_REMEDY, temporal_faults
from skyflow.state import Decision, ServiceStatus
from skyflow.temporal import knows_no_workflow

QUERY_SECONDS = 2.0
"""Longest wait for a worker's answer to a query, in seconds."""

ANSWER_SECONDS = 20.0
"""Longest wait for a worker's answer to an update, in seconds."""

_DESCRIPTION_TIMEOUT = timedelta(seconds=5)
"""Longest wait for Temporal to say what it has written down of a service."""

_PREFIX = service_workflow_id("")


@dataclass(frozen=True)
class Sighting:
    """What a service said, and whether it was asked just now."""

    status: ServiceStatus
    stale: bool


async def running_services(temporal: Client) -> list[str]:
    """Return the names of the services that run, in order."""
    query = f"WorkflowType = '{WorkflowName.SERVICE}' AND ExecutionStatus = 'Running'"
    with temporal_faults("listing the services"):
        found = [execution.id async for execution in temporal.list_workflows(query)]
    return sorted({name.removeprefix(_PREFIX) for name in found})


async def sight(temporal: Client, name: str) -> Sighting | None:
    """Ask a service how it is; fall back to what it last wrote down. None if it does not run.

    Raises:
        ControllerUnavailable: Temporal does not answer.

    """
    handle = temporal.get_workflow_handle(service_workflow_id(name))
    try:
        async with asyncio.timeout(QUERY_SECONDS):
            status = await handle.query(
                Message.STATUS,
                result_type=ServiceStatus,
                reject_condition=QueryRejectCondition.NOT_OPEN,
            )
        return Sighting(status, stale=False)
    except WorkflowQueryRejectedError:
        return None
    except (RPCError, TimeoutError, WorkflowQueryFailedError, ValidationError) as error:
        if isinstance(error, RPCError) and knows_no_workflow(error):
            return None
    remembered = await last_words(temporal, name)
    return remembered[1] if remembered and remembered[0] else None


async def last_words(temporal: Client, name: str) -> tuple[bool, Sighting] | None:
    """Return whether a service runs and what its latest run wrote down; None if it never ran.

    Works without any worker.

    Raises:
        ControllerUnavailable: Temporal does not answer.
        SkyflowError: What was written down cannot be read.

    """
    handle = temporal.get_workflow_handle(service_workflow_id(name))
    with temporal_faults(f"service {name!r}"):
        try:
            description = await handle.describe(rpc_timeout=_DESCRIPTION_TIMEOUT)
        except RPCError as error:
            if knows_no_workflow(error):
                return None
            raise
    try:
        status = await description.memo_value(MEMO_STATUS, None, type_hint=ServiceStatus)
    except ValidationError as error:
        raise _other_version(name) from error
    if status is None:
        raise _other_version(name)
    running = description.status == WorkflowExecutionStatus.RUNNING
    return running, Sighting(status, stale=True)


async def decisions_of(temporal: Client, name: str) -> tuple[Decision, ...]:
    """Return the last decisions of a service, oldest first; also of one that has ended.

    Raises:
        ServiceNotFound: It never ran.
        ControllerUnavailable: No worker answers.

    """
    handle = temporal.get_workflow_handle(service_workflow_id(name))
    with temporal_faults(f"decisions of service {name!r}"):
        async with asyncio.timeout(QUERY_SECONDS):
            return tuple(await handle.query(Message.DECISIONS, result_type=list[Decision]))


async def has_running_replicas(temporal: Client, name: str, incarnation: str) -> bool:
    """Return whether a replica of an incarnation of a service runs.

    Raises:
        ControllerUnavailable: Temporal does not answer.

    """
    query = (
        f"WorkflowType = '{WorkflowName.REPLICA}' AND ExecutionStatus = 'Running' "
        f"AND SkyflowService = '{name}'"
    )
    with temporal_faults(f"replicas of service {name!r}"):
        async for execution in temporal.list_workflows(query):
            parsed = parse_replica_workflow_id(execution.id)
            if parsed and parsed[:2] == (name, incarnation):
                return True
    return False


async def require_worker(temporal: Client) -> None:
    """Make sure that a worker asks for workflows' work.

    Raises:
        ControllerUnavailable: None does, or Temporal does not answer.

    """
    request = DescribeTaskQueueRequest(
        namespace=temporal.namespace,
        task_queue=TaskQueue(name=WORKFLOW_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    with temporal_faults("asking for workers"):
        answer = await temporal.workflow_service.describe_task_queue(request)
    if not answer.pollers:
        raise ControllerUnavailable("no worker runs, so nothing would be done", STACK_REMEDY)


def require_all(names: Sequence[str], running: Collection[str]) -> None:
    """Check that each of these services runs.

    Raises:
        ServiceNotFound: Some do not.

    """
    missing = [name for name in dict.fromkeys(names) if name not in running]
    if missing:
        raise ServiceNotFound(
            "; ".join(f"Service {name!r} not found." for name in missing),
            "names are matched exactly; `skyflow serve status` lists the services",
        )


def check_compatible(status: ServiceStatus) -> None:
    """Check that a service understands what this SDK sends.

    Raises:
        SkyflowError: It runs under another version of the messages.

    """
    if status.api_version != API_VERSION:
        raise SkyflowError(
            f"service {status.service!r} speaks version {status.api_version} of skyflow's "
            f"messages, and this command version {API_VERSION}",
            "use the version of skyflow that the controller runs",
        )


def _other_version(name: str) -> SkyflowError:
    return SkyflowError(
        f"service {name!r} runs under another version of skyflow, whose status cannot be read",
        "use the version of skyflow that started it",
    )
