"""Workflows that stand where a service's own would."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from skyflow.contracts import (
        APPLY_ENDPOINTS,
        DRAIN_REPLICA,
        MEMO_STATUS,
        DrainRequest,
        DrainResult,
        EndpointsApplied,
        Message,
        WorkflowName,
        balancer_queue,
    )
    from skyflow.state import EndpointSet


@workflow.defn(name=WorkflowName.SERVICE)
class Service:
    """A service that only says what its endpoints are."""

    @workflow.init
    def __init__(self, endpoints: EndpointSet | None) -> None:
        self._endpoints = endpoints
        self._stopped = False
        self._fails = False

    @workflow.run
    async def run(self, endpoints: EndpointSet | None) -> None:
        if endpoints:
            workflow.upsert_memo({MEMO_STATUS: {"started_at": endpoints.started_at}})
        await workflow.wait_condition(lambda: self._stopped)
        if self._fails:
            raise ApplicationError("told to")

    @workflow.signal
    def publish(self, endpoints: EndpointSet) -> None:
        self._endpoints = endpoints

    @workflow.signal
    def fail(self) -> None:
        self._fails = self._stopped = True

    @workflow.signal(name=Message.STOP)
    def stop(self) -> None:
        self._stopped = True

    @workflow.query(name=Message.ENDPOINTS)
    def endpoints(self) -> EndpointSet | None:
        return self._endpoints


@workflow.defn
class Apply:
    """Has a balancer put an endpoint set in force."""

    @workflow.run
    async def run(self, balancer: str, endpoints: EndpointSet) -> EndpointsApplied:
        applied: EndpointsApplied = await workflow.execute_activity(
            APPLY_ENDPOINTS.name,
            endpoints,
            result_type=EndpointsApplied,
            task_queue=balancer_queue(balancer),
            start_to_close_timeout=APPLY_ENDPOINTS.start_to_close,
        )
        return applied


@workflow.defn
class Drain:
    """Has a balancer wait for a replica's requests."""

    @workflow.run
    async def run(self, balancer: str, request: DrainRequest) -> DrainResult:
        result: DrainResult = await workflow.execute_activity(
            DRAIN_REPLICA.name,
            request,
            result_type=DrainResult,
            task_queue=balancer_queue(balancer),
            start_to_close_timeout=DRAIN_REPLICA.start_to_close,
            heartbeat_timeout=timedelta(seconds=10),
        )
        return result
