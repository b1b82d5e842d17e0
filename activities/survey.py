"""Looking at everything there is of an installation."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from temporalio import activity
from temporalio.client import Client, WorkflowExecution, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError

from activities.context import Context
from activities.running import heartbeating, mapped_errors
from skyflow.clouds.registry import owned_machines
from skyflow.contracts import (
    MEMO_STATUS,
    RECALL_SERVICE,
    SURVEY_INSTALLATION,
    EndedService,
    InstallationState,
    Message,
    SurveyRequest,
    WorkflowName,
)
from skyflow.installation import installation_id
from skyflow.naming import (
    INSTALLATION_WORKFLOW_ID,
    machine_prefix,
    parse_replica_workflow_id,
    service_workflow_id,
)
from skyflow.orphans import (
    HeldPort,
    ReplicaId,
    RunningService,
    ServiceId,
    StartedReplica,
    Survey,
)
from skyflow.server_clock import ServerClock
from skyflow.state import ServiceStatus
from skyflow.storage.specs import stored_incarnations
from skyflow.temporal import knows_no_workflow

YOUNGEST_LEFT_FILES = 3600.0
"""Age (seconds) from which on files of a service that does not run count: `up` stores them first,
and takes its time where they are large."""


class SurveyActivities:
    """Activities that look for what is left over."""

    def __init__(self, context: Context) -> None:
        """Look with the settings and the client of a worker's context."""
        self._context = context
        self._client = context.client

    @activity.defn(name=SURVEY_INSTALLATION.name)
    async def survey_installation(self, request: SurveyRequest) -> Survey:
        """Return everything there is; what is made last is looked at first."""
        settings = self._context.settings
        with mapped_errors():
            async with heartbeating():
                prefix = machine_prefix(installation_id(settings))
                machines, problems = await owned_machines(settings, prefix)
                before = time.time() - YOUNGEST_LEFT_FILES
                files = await stored_incarnations(self._context.store, before)
                installation = await _installation(self._client)
                return Survey(
                    machines=machines,
                    files=files,
                    ports=_ports(installation),
                    balancers=tuple(installation.balancers),
                    replicas=await _replicas(self._client),
                    services=await _services(self._client),
                    problems=problems,
                )

    @activity.defn(name=RECALL_SERVICE.name)
    async def recall_service(self, service: ServiceId) -> EndedService:
        """Return what balancers know an ended service by, from what it last said of itself."""
        now = ServerClock.started(activity.info().started_time).now()
        status = await _last_status(self._client, service.service)
        if status is None or status.incarnation != service.incarnation:
            return EndedService(**service.model_dump(), started_at=now)
        return EndedService(
            **service.model_dump(), started_at=status.started_at, port=status.port or 0
        )


async def _installation(client: Client) -> InstallationState:
    """Return what the installation knows: nothing if it does not run."""
    handle = client.get_workflow_handle(INSTALLATION_WORKFLOW_ID)
    try:
        state: InstallationState = await handle.query(
            Message.SLOTS,
            result_type=InstallationState,
            reject_condition=QueryRejectCondition.NOT_OPEN,
        )
    except WorkflowQueryRejectedError:
        return InstallationState()
    except RPCError as error:
        if knows_no_workflow(error):
            return InstallationState()
        raise
    return state


def _ports(installation: InstallationState) -> tuple[HeldPort, ...]:
    return tuple(
        HeldPort(service=service, incarnation=incarnation, port=port)
        for service, (incarnation, port) in installation.slots.items()
    )


async def _replicas(client: Client) -> tuple[ReplicaId, ...]:
    found = []
    async for execution in _running(client, WorkflowName.REPLICA):
        if parsed := parse_replica_workflow_id(execution.id):
            service, incarnation, number = parsed
            found.append(ReplicaId(service=service, incarnation=incarnation, replica_id=number))
    return tuple(found)


async def _services(client: Client) -> tuple[RunningService, ...]:
    found = []
    async for execution in _running(client, WorkflowName.SERVICE):
        status = await execution.memo_value(MEMO_STATUS, None, type_hint=ServiceStatus)
        if status is not None:
            found.append(_running_service(status))
    return tuple(found)


def _running_service(status: ServiceStatus) -> RunningService:
    return RunningService(
        service=status.service,
        incarnation=status.incarnation,
        port=status.port,
        replicas=tuple(
            StartedReplica(replica_id=record.replica_id, attempt=record.attempt)
            for record in status.replicas
            if record.attempt and not record.phase.ended
        ),
    )


async def _running(client: Client, kind: str) -> AsyncIterator[WorkflowExecution]:
    query = f"WorkflowType = '{kind}' AND ExecutionStatus = 'Running'"
    async for execution in client.list_workflows(query):
        yield execution


async def _last_status(client: Client, service: str) -> ServiceStatus | None:
    handle = client.get_workflow_handle(service_workflow_id(service))
    try:
        description = await handle.describe()
    except RPCError as error:
        if knows_no_workflow(error):
            return None
        raise
    return await description.memo_value(MEMO_STATUS, None, type_hint=ServiceStatus)
