"""Ending one replica of a service."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial

from temporalio.client import Client

from skyflow.contracts import Message, ReplicaTermination
from skyflow.errors import ServiceNotFound, UsageError
from skyflow.naming import service_workflow_id
from skyflow.sdk import lookup
from skyflow.sdk.faults import temporal_faults
from skyflow.sdk.views import ReplicaFarewell, ServiceView
from skyflow.state import ServiceStatus
from skyflow.updates import send_update


def require_running(status: ServiceStatus, replica_id: int) -> None:
    """Check that a service has a replica that has not ended.

    Raises:
        UsageError: It has none.

    """
    for record in status.replicas:
        if record.replica_id != replica_id:
            continue
        if not record.phase.ended:
            return
        why = f": {record.reason}" if record.reason else ""
        raise UsageError(
            f"replica {replica_id} of service {status.service!r} has ended already "
            f"({record.phase.value}{why})",
            _those_there_are(status),
        )
    raise UsageError(
        f"service {status.service!r} has no replica {replica_id}", _those_there_are(status)
    )


async def request_termination(
    temporal: Client, view: ServiceView, replica_id: int, reason: str
) -> None:
    """Have a service end a replica; the request lasts whatever becomes of this call.

    Raises:
        UsageError: There is no such replica, or it has ended.
        ServiceConflict: The service is being taken down.
        ServiceNotFound: The service runs no more.
        ControllerUnavailable: Temporal or the worker does not answer.

    """
    require_running(view.status, replica_id)
    name, incarnation = view.status.service, view.status.incarnation
    request = ReplicaTermination(replica_id=replica_id, reason=reason, incarnation=incarnation)
    handle = temporal.get_workflow_handle(service_workflow_id(name))
    terminate = partial(
        handle.execute_update,
        Message.TERMINATE_REPLICA,
        request,
        id=str(uuid.uuid4()),
        result_type=ServiceStatus,
    )
    with temporal_faults(f"ending replica {replica_id} of service {name!r}"):
        async with asyncio.timeout(lookup.ANSWER_SECONDS):
            answer: ServiceStatus = await send_update(terminate)
    if answer.incarnation != incarnation:
        raise ServiceNotFound(f"service {name!r} was taken down, and another one has its name")


async def until_gone(
    views: AsyncIterator[ServiceView],
    before: ServiceView,
    replica_id: int,
    progress: Callable[[ServiceView], None] | None,
) -> ReplicaFarewell:
    """Wait until nothing is left of a replica but its logs; `progress` is told of each change."""
    async for view in views:
        if progress:
            progress(view)
        end = farewell(before, view, replica_id)
        if end.ended:
            return end
    return farewell(before, None, replica_id)


def farewell(before: ServiceView, after: ServiceView | None, replica_id: int) -> ReplicaFarewell:
    """Return how a replica ended, from its service before and after; None if that is gone."""
    status = before.status
    if after is None or after.status.incarnation != status.incarnation:
        return ReplicaFarewell(name=status.service, replica_id=replica_id, ended=True)
    record = next((r for r in after.status.replicas if r.replica_id == replica_id), None)
    known = {record.replica_id for record in status.replicas}
    return ReplicaFarewell(
        name=status.service,
        replica_id=replica_id,
        ended=record is None or record.phase.ended,
        phase=record.phase if record else None,
        reason=record.reason if record else "",
        target=after.status.target,
        replacements=tuple(
            r.replica_id for r in after.status.replicas if r.live and r.replica_id not in known
        ),
    )


def _those_there_are(status: ServiceStatus) -> str:
    there = [str(r.replica_id) for r in status.replicas if not r.phase.ended]
    return f"replicas there are: {', '.join(there) or 'none'}"
