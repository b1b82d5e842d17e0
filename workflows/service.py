"""The workflow of a service: messages in, one level-triggered loop, effects in the background."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

from pydantic import Field
from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from skyflow.autoscaling.settings import Bounds
    from skyflow.contracts import (
        ApplyOutcome,
        ApplyRequest,
        Balancers,
        Message,
        ReplicaTermination,
        ScaleRequest,
        StopRequest,
        WorkflowName,
    )
    from skyflow.state import Decision, EndpointSet, ReplicaReport, ServiceStatus
    from workflows.service_effects import ServiceEffects
    from workflows.service_placement import NO_LONGER_RUNS
    from workflows.service_reconcile import next_deadline, reconcile
    from workflows.service_state import ServiceState
    from workflows.service_status import service_status

MOST_MACHINES = 1000
"""Children that a workflow may have stay well under the server's limit of 2,000, and what is known
of all machines under the 2 MB that it takes in one message."""
MOST_SIGNALS = 5000
"""Signals after which to continue as new: the server takes 10,000 and does not suggest it."""

Start = Annotated[ServiceState | ApplyRequest, Field(union_mode="left_to_right")]
"""A service begins with a request and goes on with its state, which has keys that one lacks."""


@workflow.defn(name=WorkflowName.SERVICE)
class ServiceWorkflow:
    """Keeps the wanted number of replicas and tells the balancers where they are."""

    @workflow.init
    def __init__(self, start: Start) -> None:
        """Begin with a request, or go on with the state that was carried over."""
        if isinstance(start, ApplyRequest):
            service = workflow.info().workflow_id.removeprefix("service/")
            start = ServiceState.begin(start, service, self._now())
        self._state = start
        self._dirty = True
        self._checkpoint = False
        self._effects = ServiceEffects(self._state, on_done=self._mark)

    @workflow.run
    async def run(self, start: Start) -> None:
        """Reconcile until the service has been stopped and nothing of it is left."""
        while not self._effects.finished:
            try:
                await self._until_changed()
            except asyncio.CancelledError:
                self._accept_stop(StopRequest(reason="cancelled in Temporal"))
            self._dirty = False
            self._effects.collect()
            if self._wants_checkpoint() and self._effects.leave_load():
                if self._effects.idle and workflow.all_handlers_finished():
                    self._continue()
                continue
            reconcile(self._state, self._effects, self._now())
            self._effects.mirror(self._now())
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update(name=Message.APPLY)
    def apply(self, request: ApplyRequest) -> ApplyOutcome:
        """Run this version; the one that runs already is no change."""
        return ApplyOutcome(
            incarnation=self._state.incarnation,
            version=self._state.version.number,
            changed=request.incarnation == self._state.incarnation,
        )

    @apply.validator
    def _check_apply(self, request: ApplyRequest) -> None:
        state = self._state
        if state.stop is not None:
            raise _conflict(f"service {state.service!r} is being taken down: {state.stop.reason}")
        if request.version.spec.digest != state.version.spec.digest:
            raise _conflict(f"service {state.service!r} is running with another spec")

    @workflow.update(name=Message.SCALE)
    def scale(self, request: ScaleRequest) -> ServiceStatus:
        """Run this many replicas, or as many as the load asks for again."""
        self._accept_scale(request)
        return service_status(self._state, self._now())

    @scale.validator
    def _check_scale(self, request: ScaleRequest) -> None:
        if self._state.stop is not None:
            raise _conflict(f"service {self._state.service!r} is being taken down")
        if request.auto:
            return
        settings = self._state.version.settings
        most = MOST_MACHINES // settings.num_nodes
        allowed = self._state.bounds_in_force or Bounds(least=0, most=most)
        if request.replicas is None or not allowed.least <= request.replicas <= allowed.most:
            raise ApplicationError(
                f"{request.replicas} replicas; allowed: {allowed.least} to {allowed.most}, or auto",
                type="UsageError",
            )

    @workflow.signal(name=Message.SCALE_SIGNAL)
    def request_scale(self, request: ScaleRequest) -> None:
        """Run this many replicas; a request that cannot be met is noted and changes nothing."""
        self._state.signals += 1
        try:
            self._check_scale(request)
        except ApplicationError as error:
            self._state.decide(self._now(), "refused", f"scale: {error.message}")
            return
        self._accept_scale(request)

    @workflow.update(name=Message.TERMINATE_REPLICA)
    def terminate_replica(self, request: ReplicaTermination) -> ServiceStatus:
        """End one replica, which is drained and replaced."""
        self._accept_termination(request)
        return service_status(self._state, self._now())

    @terminate_replica.validator
    def _check_termination(self, request: ReplicaTermination) -> None:
        state = self._state
        if state.stop is not None:
            raise _conflict(f"service {state.service!r} is being taken down")
        if request.replica_id not in state.replicas:
            known = ", ".join(str(replica_id) for replica_id in state.replicas) or "none"
            raise ApplicationError(
                f"service {state.service!r} has no replica {request.replica_id}; it has: {known}",
                type="UsageError",
            )

    @workflow.signal(name=Message.TERMINATE_REPLICA_SIGNAL)
    def request_replica_termination(self, request: ReplicaTermination) -> None:
        """End one replica, which is drained and replaced; if there is none, nothing changes."""
        self._state.signals += 1
        self._accept_termination(request)

    @workflow.signal(name=Message.REPLICA_LOST)
    def replica_lost(self, request: ReplicaTermination) -> None:
        """Clear away what a replica has left whose workflow no longer runs."""
        self._state.signals += 1
        if self._is_meant(request):
            self._state.lose(request.replica_id, request.reason or NO_LONGER_RUNS, self._now())
        self._mark()

    @workflow.signal(name=Message.STOP)
    def stop(self, request: StopRequest | None = None) -> None:
        """End the service, leaving nothing."""
        self._state.signals += 1
        self._accept_stop(request or StopRequest(reason="asked for in Temporal"))

    @workflow.signal(name=Message.REPLICA_CHANGED)
    def replica_changed(self, report: ReplicaReport) -> None:
        """Take in a replica's report."""
        self._state.signals += 1
        self._state.absorb(report, self._now(), workflow.random().random())
        self._mark()

    @workflow.signal(name=Message.BALANCERS_CHANGED)
    def balancers_changed(self, balancers: Balancers) -> None:
        """Publish to these balancers from now on."""
        self._state.signals += 1
        self._state.balancers = balancers.ids
        self._mark()

    @workflow.signal(name=Message.CHECKPOINT)
    def checkpoint(self) -> None:
        """Continue as new at the next quiet moment."""
        self._checkpoint = True
        self._mark()

    @workflow.query(name=Message.STATUS)
    def status(self) -> ServiceStatus:
        """Return what the service is doing."""
        return self._effects.status(self._now())

    @workflow.query(name=Message.ENDPOINTS)
    def endpoints(self) -> EndpointSet | None:
        """Return the current endpoint set; None while there is no port."""
        return self._state.endpoint_set

    @workflow.query(name=Message.DECISIONS)
    def decisions(self) -> list[Decision]:
        """Return the last decisions, oldest first."""
        return self._state.decisions

    async def _until_changed(self) -> None:
        """Wait until something changed or the next deadline of the state is there."""
        deadline = next_deadline(self._state, self._now())
        timeout = None if deadline is None else timedelta(seconds=max(0, deadline - self._now()))
        try:
            await workflow.wait_condition(lambda: self._dirty, timeout=timeout)
        except TimeoutError:
            return

    def _wants_checkpoint(self) -> bool:
        return (
            self._checkpoint
            or self._state.signals > MOST_SIGNALS
            or workflow.info().is_continue_as_new_suggested()
        )

    def _continue(self) -> None:
        self._state.signals = 0
        workflow.continue_as_new(self._state)

    def _accept_scale(self, request: ScaleRequest) -> None:
        state = self._state
        settings = state.version.settings
        follows = settings.autoscaling is not None
        before, state.held = state.target, follows and not request.auto
        if request.replicas is not None:
            state.target = request.replicas
        elif not follows:
            state.target = settings.replicas
        why = f" ({request.reason})" if request.reason else ""
        until = "; held until `scale auto`" if state.held else ""
        change = f"target {before} -> {state.target}{why}{until}"
        if follows and request.auto:
            change = f"target {before} follows the load again{why}"
        state.decide(self._now(), "scale", change)
        self._mark()

    def _accept_termination(self, request: ReplicaTermination) -> None:
        if self._is_meant(request):
            self._state.retire(request.replica_id, request.reason or "asked for", self._now())
        self._mark()

    def _is_meant(self, request: ReplicaTermination) -> bool:
        return request.incarnation in ("", self._state.incarnation)

    def _accept_stop(self, request: StopRequest) -> None:
        if self._state.stop is None:
            self._state.stop = request
            self._state.decide(self._now(), "stop", request.reason)
        self._mark()

    def _mark(self) -> None:
        self._dirty = True

    @staticmethod
    def _now() -> float:
        return workflow.now().timestamp()


def _conflict(message: str) -> ApplicationError:
    return ApplicationError(message, type="ServiceConflict")
