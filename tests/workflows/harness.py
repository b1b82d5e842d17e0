"""What a test does to a service, and how it sees it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from skyflow.autoscaling.settings import AutoscalingSettings
from skyflow.contracts import (
    WORKFLOW_QUEUE,
    ApplyOutcome,
    ApplyRequest,
    Message,
    ScaleRequest,
    StopRequest,
    WorkflowName,
)
from skyflow.naming import replica_workflow_id, service_workflow_id
from skyflow.orphans import ReplicaId, RunningService, StartedReplica, Survey
from skyflow.placement.offers import ResourceRequest
from skyflow.state import (
    Decision,
    ReplicaRecord,
    ServicePhase,
    ServiceSettings,
    ServiceStatus,
    ServiceVersion,
    SpecReference,
)
from skyflow.updates import send_update
from tests.waiting import eventually
from tests.workflows.world import World
from workflows.service import ServiceWorkflow

Answer = TypeVar("Answer")


def version(
    replicas: int = 2,
    digest: str = "one",
    num_nodes: int = 1,
    autoscaling: AutoscalingSettings | None = None,
) -> ServiceVersion:
    """Return a version of a service that any offer will do for."""
    return ServiceVersion(
        number=1,
        spec=SpecReference(digest=digest, key=f"services/x/spec/{digest}"),
        settings=ServiceSettings(
            replicas=replicas,
            num_nodes=num_nodes,
            resources=(ResourceRequest(),),
            port=8080,
            autoscaling=autoscaling,
        ),
        redacted_yaml="service: {}",
        created_at=0,
    )


@dataclass
class Controller:
    """A service under test."""

    client: Client
    world: World
    name: str = field(default_factory=lambda: f"service-{secrets.token_hex(4)}")

    @property
    def handle(self) -> WorkflowHandle[ServiceWorkflow, None]:
        return self.client.get_workflow_handle_for(
            ServiceWorkflow.run, service_workflow_id(self.name)
        )

    def replica(self, incarnation: str, replica_id: int) -> WorkflowHandle[object, object]:
        return self.client.get_workflow_handle(
            replica_workflow_id(self.name, incarnation, replica_id)
        )

    async def apply(self, wanted: ServiceVersion, incarnation: str | None = None) -> ApplyOutcome:
        request = ApplyRequest(
            installation="0000aaaa",
            version=wanted,
            incarnation=incarnation or secrets.token_hex(4),
        )
        outcome: ApplyOutcome = await self.client.execute_update_with_start_workflow(
            Message.APPLY,
            request,
            result_type=ApplyOutcome,
            start_workflow_operation=WithStartWorkflowOperation(
                WorkflowName.SERVICE,
                request,
                id=service_workflow_id(self.name),
                task_queue=WORKFLOW_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            ),
        )
        return outcome

    async def status(self) -> ServiceStatus:
        answer: ServiceStatus = await self.handle.query(Message.STATUS, result_type=ServiceStatus)
        return answer

    async def decisions(self) -> list[Decision]:
        answer: list[Decision] = await self.handle.query(
            Message.DECISIONS, result_type=list[Decision]
        )
        return answer

    def running(self, status: ServiceStatus) -> tuple[ReplicaId, ...]:
        """Return the replicas that a status speaks of."""
        return tuple(
            ReplicaId(
                service=self.name, incarnation=status.incarnation, replica_id=record.replica_id
            )
            for record in status.replicas
        )

    def seen(self, status: ServiceStatus) -> Survey:
        """Return a survey that finds this service, of its replicas all but the first, no port."""
        service = RunningService(
            service=self.name,
            incarnation=status.incarnation,
            port=status.port,
            replicas=tuple(
                StartedReplica(replica_id=r.replica_id, attempt=r.attempt) for r in status.replicas
            ),
        )
        return Survey(services=(service,), replicas=self.running(status)[1:])

    async def until_phase(self, phase: ServicePhase) -> ServiceStatus:
        async def reached() -> ServiceStatus | None:
            status = await self.status()
            return status if status.phase is phase else None

        status = await eventually(reached, what=f"service {phase}")
        assert status is not None
        return status

    async def until_serving(self, *replica_ids: int) -> None:
        await eventually(
            lambda: self.world.serving() == list(replica_ids), what=f"serving {replica_ids}"
        )

    async def until_ended(self, replica_id: int) -> ReplicaRecord:
        """Wait until the service knows that a replica has ended: its machines end before that."""

        async def ended() -> ReplicaRecord | None:
            replicas = (await self.status()).replicas
            return next((r for r in replicas if r.replica_id == replica_id and r.phase.ended), None)

        record = await eventually(ended, what=f"replica {replica_id} has ended")
        assert record is not None
        return record

    async def scale(self, replicas: int | None) -> ServiceStatus:
        request = ScaleRequest(replicas=replicas, auto=replicas is None)
        return await send_update(
            partial(
                self.handle.execute_update,
                Message.SCALE,
                request,
                id=secrets.token_hex(8),
                result_type=ServiceStatus,
            )
        )

    async def down(self) -> None:
        await self.handle.signal(Message.STOP, StopRequest(reason="test"))
        await self.handle.result()
