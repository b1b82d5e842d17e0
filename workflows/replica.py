"""The workflow of a replica: launch, setup, run, watch, drain, and always teardown."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from skyflow.clouds.base import Machine
    from skyflow.contracts import (
        LAUNCH_MACHINE,
        PREPARE_REPLICA,
        START_REPLICA,
        WATCH_REPLICA,
        Assignment,
        Message,
        ReplicaState,
        ReplicaTermination,
        StopRequest,
        WatchRequest,
        WorkflowName,
    )
    from skyflow.naming import service_workflow_id
    from skyflow.placement.offers import Refusal
    from skyflow.placement.refusals import avoidance_seconds
    from skyflow.state import ReplicaPhase
    from workflows.calls import failure, left_nothing, start, tell
    from workflows.replica_end import drain, end_machines
    from workflows.replica_values import (
        launch_summary,
        machine_requests,
        outcome_of_failed_start,
        readiness_deadline,
        replica_report,
        replica_task,
    )

RENEWAL_SECONDS = 6 * 3600.0
"""Age at which an idle watch is renewed; spread by 10 % so that replicas do not renew in step."""

Result = TypeVar("Result")


class _Interrupted(Exception):
    """The replica has to stop, or to continue as new, before what it waits for has ended."""


@workflow.defn(name=WorkflowName.REPLICA)
class ReplicaWorkflow:
    """One replica, from its first machine to its last."""

    @workflow.init
    def __init__(self, state: ReplicaState) -> None:
        """Begin, or go on with the state that was carried over."""
        self._state = state
        self._checkpoint = False
        self._asked_to_leave = ""
        """Why somebody wants this replica out whom its service does not know of yet."""

    @workflow.run
    async def run(self, state: ReplicaState) -> None:
        """Live until told to stop or something fails; leave nothing.

        A cancellation reaches this task only, so that it can end neither a launch nor a teardown
        half-way: it is the same as asking the service to take this replica out.
        """
        ended = False
        while not ended:
            life = asyncio.create_task(self._live())
            await self._wait_for(life)
            ended = life.result()
            if not ended and self._state.stop is None:
                workflow.continue_as_new(self._state)

    @workflow.signal(name=Message.STOP)
    def stop(self, request: StopRequest | None = None) -> None:
        """End the replica; the first reason given counts. Without one, the service is asked."""
        if request is None:
            self._asked_to_leave = "asked for in Temporal"
        elif self._state.stop is None:
            self._state.stop = request

    @workflow.signal(name=Message.ASSIGN)
    def assign(self, assignment: Assignment) -> None:
        """Try this offer next."""
        if assignment.attempt > self._state.attempt:
            self._state.offer = assignment.offer
            self._state.attempt = assignment.attempt
            self._state.refused = False

    @workflow.signal(name=Message.CHECKPOINT)
    def checkpoint(self) -> None:
        """Continue as new at the next quiet moment."""
        self._checkpoint = True

    @workflow.query(name=Message.STATUS)
    def status(self) -> ReplicaState:
        """Return everything that the replica knows of itself, but its spec."""
        return self._state

    async def _wait_for(self, life: asyncio.Task[bool]) -> None:
        while not life.done():
            try:
                await workflow.wait_condition(lambda: life.done() or bool(self._asked_to_leave))
            except asyncio.CancelledError:
                self._asked_to_leave = "cancelled in Temporal"
            if self._asked_to_leave:
                await self._ask_to_leave()

    async def _ask_to_leave(self) -> None:
        """Have the service take this replica out, so that it is drained before it ends."""
        state = self._state
        reason, self._asked_to_leave = self._asked_to_leave, ""
        request = ReplicaTermination(
            replica_id=state.replica_id, reason=reason, incarnation=state.incarnation
        )
        service = service_workflow_id(state.service)
        if not await tell(service, Message.TERMINATE_REPLICA_SIGNAL, request):
            self._stop(ReplicaPhase.TERMINATED, reason)

    async def _live(self) -> bool:
        """Go from step to step until it is time to continue as new, or to the end.

        Returns:
            Whether nothing is left of the replica.

        """
        while not self._interrupted():
            try:
                await self._step()
            except _Interrupted:
                continue
        if self._state.stop is None:
            return False
        await self._end(self._state.stop)
        return True

    async def _step(self) -> None:
        state = self._state
        if state.refused:
            await workflow.wait_condition(lambda: self._interrupted() or not state.refused)
        elif not state.nodes:
            await self._provision()
        elif not state.running:
            await self._start()
        else:
            await self._watch()

    async def _provision(self) -> None:
        """Start every machine at the offered place, or report the refusal."""
        state = self._state
        launches = [
            start(LAUNCH_MACHINE, request, summary=launch_summary(state, request.name))
            for request in machine_requests(self._state)
        ]
        await self._report_provisioning()
        settled = await asyncio.gather(
            *(self._unless_interrupted(launch) for launch in launches), return_exceptions=True
        )
        problems = [outcome for outcome in settled if isinstance(outcome, BaseException)]
        if not problems:
            state.nodes = tuple(node for node in settled if isinstance(node, Machine))
            state.starting_since = workflow.now().timestamp()
            return
        if not isinstance(problems[0], ActivityError):
            raise problems[0]
        # Another node of the replica may have been started.
        if len(launches) > 1 or not left_nothing(problems[0]):
            await self._teardown()
        await self._report_refusal(problems[0])

    async def _report_provisioning(self) -> None:
        """Say that machines are being started; of a further attempt the service knows it."""
        if self._state.attempt > 1 and workflow.patched("only-first-attempt-reported"):
            self._state.phase = ReplicaPhase.PROVISIONING
            self._state.reason = ""
            return
        await self._report(ReplicaPhase.PROVISIONING)

    async def _report_refusal(self, error: ActivityError) -> None:
        kind, message = failure(error)
        refusal = Refusal(
            place=self._state.offer.place,
            kind=kind,
            message=message,
            until=workflow.now().timestamp() + avoidance_seconds(kind),
        )
        self._state.refused = True
        await self._report(ReplicaPhase.PENDING, f"{kind}: {message}", refusal=refusal)

    async def _start(self) -> None:
        """Put files in place, run `setup`, and start `run` on every node."""
        state = self._state
        task = replica_task(self._state)
        deadline = readiness_deadline(state, workflow.now().timestamp())
        remaining = timedelta(seconds=max(1, deadline - workflow.now().timestamp()))
        preparation = start(PREPARE_REPLICA, task, summary="files and setup", within=remaining)
        await self._report(ReplicaPhase.STARTING)
        try:
            await self._unless_interrupted(preparation)
            await self._unless_interrupted(
                start(START_REPLICA, task, summary="run", within=remaining)
            )
        except ActivityError as error:
            kind, message = failure(error)
            late = workflow.now().timestamp() >= deadline
            self._stop(outcome_of_failed_start(kind, late=late), message)
            return
        state.running = True

    async def _watch(self) -> None:
        """Watch until something changes."""
        state = self._state
        now = workflow.now().timestamp()
        request = WatchRequest(
            replica=replica_task(self._state),
            ready=state.phase is ReplicaPhase.READY,
            deadline=None if state.ready_once else readiness_deadline(state, now),
            failing_since=state.failing_since,
            notice=state.notice,
            renew_at=now + RENEWAL_SECONDS * (0.9 + 0.2 * workflow.random().random()),
        )
        try:
            result = await self._unless_interrupted(
                start(WATCH_REPLICA, request, summary=f"watch while {state.phase.value}")
            )
        except ActivityError as error:
            self._stop(ReplicaPhase.FAILED, f"it cannot be watched: {failure(error)[1]}")
            return
        state.failing_since = result.failing_since
        if result.notice:
            state.notice = result.notice
            await self._report(state.phase, f"interruption notice: {result.notice}")
        if result.phase is None:
            return
        if result.phase.ended:
            self._stop(result.phase, result.reason)
            return
        state.ready_once = state.ready_once or result.phase is ReplicaPhase.READY
        await self._report(result.phase, result.reason)

    async def _end(self, request: StopRequest) -> None:
        """Drain, end every machine, and say so."""
        outcome = request.outcome
        serves = outcome is ReplicaPhase.TERMINATED or self._state.notice
        if serves and request.balancers:
            await self._report(ReplicaPhase.DRAINING, request.reason, outcome=outcome)
            await drain(self._state, request)
        await self._report(ReplicaPhase.SHUTTING_DOWN, request.reason, outcome=outcome)
        await self._teardown()
        await self._report(outcome, request.reason, outcome=outcome)

    async def _teardown(self) -> None:
        await end_machines(self._state, self._report_left_over)

    async def _report_left_over(self, problem: str) -> None:
        """Say why the machines still exist: they may cost money, and somebody may have to help."""
        state = self._state
        outcome = state.stop.outcome if state.stop else None
        reason = f"its machines could not be ended yet: {problem}"
        await self._report(state.phase, reason, outcome=outcome)

    async def _unless_interrupted(self, handle: workflow.ActivityHandle[Result]) -> Result:
        """Wait for an activity; when it is time to stop, cancel it and wait until it has ended.

        Teardown must not race with what it tears down, so the end of the activity is awaited.

        Raises:
            _Interrupted: It ended by that cancellation.
            ActivityError: It failed by itself.

        """
        await workflow.wait_condition(lambda: self._interrupted() or handle.done())
        if not handle.done():
            handle.cancel()
        try:
            return await handle
        except ActivityError:
            if self._interrupted():
                raise _Interrupted from None
            raise

    async def _report(
        self,
        phase: ReplicaPhase,
        reason: str = "",
        *,
        refusal: Refusal | None = None,
        outcome: ReplicaPhase | None = None,
    ) -> None:
        """Tell the service; one that no longer runs means that the replica has to go."""
        state = self._state
        state.epoch += 1
        state.phase = phase
        state.reason = reason
        report = replica_report(state, refusal, outcome)
        if not await tell(service_workflow_id(state.service), Message.REPLICA_CHANGED, report):
            self._stop(ReplicaPhase.TERMINATED, "its service no longer runs")

    def _stop(self, outcome: ReplicaPhase, reason: str) -> None:
        if self._state.stop is None:
            self._state.stop = StopRequest(reason=reason, outcome=outcome)

    def _interrupted(self) -> bool:
        return self._state.stop is not None or self._wants_checkpoint()

    def _wants_checkpoint(self) -> bool:
        return self._checkpoint or workflow.info().is_continue_as_new_suggested()
