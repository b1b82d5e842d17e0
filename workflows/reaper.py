"""The workflow that clears away what nobody looks after any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from skyflow.contracts import (
        APPLY_ENDPOINTS,
        RECALL_SERVICE,
        RELEASE_ENDPOINT,
        REMOVE_SERVICE_FILES,
        RESERVE_ENDPOINT,
        SURVEY_INSTALLATION,
        TEARDOWN_REPLICA,
        Activity,
        EndedService,
        Message,
        ReaperRequest,
        ReplicaTermination,
        ServiceReference,
        SlotRelease,
        SlotRequest,
        StopRequest,
        SurveyRequest,
        TeardownRequest,
        WorkflowName,
        balancer_queue,
    )
    from skyflow.naming import parse_machine_name, replica_workflow_id, service_workflow_id
    from skyflow.orphans import (
        HeldPort,
        Orphans,
        OwnedMachine,
        ReplicaId,
        ServiceId,
        find_orphans,
    )
    from skyflow.records import Record
    from skyflow.state import EndpointSet
    from workflows.calls import call, failure, start, tell

MOST_ROUNDS = 5
"""Looks in one run: what is cleared away may have hidden something else."""
LONGEST_EFFECT = timedelta(minutes=10)
"""Longest time for one thing to be cleared away; the next run tries again."""
LAST_GENERATION = 2**53
"""A generation newer than any that an incarnation had."""

NO_SERVICE = "its service no longer runs"

Argument = TypeVar("Argument", bound=Record)
Answer = TypeVar("Answer")


@workflow.defn(name=WorkflowName.REAPER)
class ReaperWorkflow:
    """One look at everything, and the removal of what has been without an owner for a while."""

    @workflow.init
    def __init__(self, request: ReaperRequest | None = None) -> None:
        """Begin with nothing done."""
        self._grace = timedelta(seconds=(request or ReaperRequest()).grace_seconds)
        self._done: list[str] = []

    @workflow.run
    async def run(self, request: ReaperRequest | None = None) -> list[str]:
        """Return what was done and why, in words."""
        before, _ = await self._look()
        for _ in range(MOST_ROUNDS):
            if not before.found:
                break
            await workflow.sleep(self._grace)
            now, balancers = await self._look()
            await self._clear_away(now.also_in(before), balancers)
            before = now
        return self._done

    async def _look(self) -> tuple[Orphans, Sequence[str]]:
        survey = await call(SURVEY_INSTALLATION, SurveyRequest(), summary="what there is")
        self._done += [f"could not be looked at: {problem}" for problem in survey.problems]
        return find_orphans(survey), survey.balancers

    async def _clear_away(self, orphans: Orphans, balancers: Sequence[str]) -> None:
        for service in orphans.services:
            await self._withdraw(service, balancers)
        for replica in orphans.replicas:
            await self._stop(replica, balancers)
        for replica in orphans.lost_replicas:
            await self._tell_service(replica)
        await asyncio.gather(*(self._end_machine(machine) for machine in orphans.machines))
        for incarnation in orphans.files:
            await self._remove_files(incarnation)
        for held in orphans.ports:
            await self._release(held)
        for held in orphans.unknown_ports:
            await self._note_port(held)

    async def _withdraw(self, service: ServiceId, balancers: Sequence[str]) -> None:
        """Have the balancers send no more requests to what a service has left."""
        known = await self._do(RECALL_SERVICE, service, f"what {service.service} was")
        if known is None:
            return
        for balancer in balancers:
            await self._do(
                APPLY_ENDPOINTS,
                _removal(known),
                f"{service.service} has ended",
                balancer_queue(balancer),
            )

    async def _stop(self, replica: ReplicaId, balancers: Sequence[str]) -> None:
        name = replica_workflow_id(replica.service, replica.incarnation, replica.replica_id)
        request = StopRequest(reason=NO_SERVICE, balancers=tuple(balancers))
        if await tell(name, Message.STOP, request):
            self._done.append(f"{name}: told to end, because {NO_SERVICE}")

    async def _tell_service(self, replica: ReplicaId) -> None:
        name = service_workflow_id(replica.service)
        lost = ReplicaTermination(replica_id=replica.replica_id, incarnation=replica.incarnation)
        if await tell(name, Message.REPLICA_LOST, lost):
            self._done.append(f"{name}: told that the workflow of {replica.replica_id} is gone")

    async def _end_machine(self, machine: OwnedMachine) -> None:
        made_for = parse_machine_name(machine.name)
        if made_for is None:
            return
        request = TeardownRequest(
            service="",
            incarnation=made_for.incarnation,
            replica_id=made_for.replica_id,
            names=(machine.name,),
            place=machine.place,
        )
        if await self._do(TEARDOWN_REPLICA, request, f"end {machine.name}"):
            self._done.append(f"{machine.name}: ended at {machine.place}, no replica has it")

    async def _remove_files(self, incarnation: str) -> None:
        reference = ServiceReference(service="", incarnation=incarnation)
        if await self._do(REMOVE_SERVICE_FILES, reference, f"files of {incarnation}"):
            self._done.append(f"files of {incarnation}: removed, nothing of it runs")

    async def _release(self, held: HeldPort) -> None:
        release = SlotRelease(service=held.service, incarnation=held.incarnation)
        if await self._do(RELEASE_ENDPOINT, release, f"port {held.port}"):
            self._done.append(f"port {held.port}: released, {held.service} no longer runs")

    async def _note_port(self, held: HeldPort) -> None:
        request = SlotRequest(service=held.service, incarnation=held.incarnation, port=held.port)
        if await self._do(RESERVE_ENDPOINT, request, f"port {held.port} of {held.service}"):
            self._done.append(f"port {held.port}: noted anew as that of {held.service}")

    async def _do(
        self,
        activity: Activity[Argument, Answer],
        argument: Argument,
        summary: str,
        queue: str | None = None,
    ) -> Answer | None:
        """Carry something out; None if it cannot be done now: the next run finds it again."""
        try:
            return await start(
                activity, argument, summary=summary, queue=queue, within=LONGEST_EFFECT
            )
        except ActivityError as error:
            self._done.append(f"{summary}: not done: {failure(error)[1]}")
            return None


def _removal(ended: EndedService) -> EndpointSet:
    return EndpointSet(
        service=ended.service,
        incarnation=ended.incarnation,
        started_at=ended.started_at,
        generation=LAST_GENERATION,
        port=ended.port,
        removed=True,
    )
