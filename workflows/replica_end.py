"""The end of a replica: requests in flight are waited for, machines are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from skyflow.contracts import (
    DRAIN_REPLICA,
    TEARDOWN_REPLICA,
    DrainRequest,
    ReplicaState,
    StopRequest,
    balancer_queue,
)
from workflows.calls import call, failure
from workflows.replica_values import teardown_request

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=5)
"""Wait between two series of attempts to end machines."""


async def drain(state: ReplicaState, request: StopRequest) -> None:
    """Wait for the requests in flight at every balancer; a dead one holds up nothing."""
    seconds = request.drain_seconds
    longest = state.version.settings.drain_seconds if seconds is None else seconds
    argument = DrainRequest(
        service=state.service,
        replica_id=state.replica_id,
        deadline=workflow.now().timestamp() + longest,
    )
    drains = [
        call(
            DRAIN_REPLICA,
            argument,
            summary=f"requests in flight at balancer {balancer}",
            queue=balancer_queue(balancer),
        )
        for balancer in request.balancers
    ]
    for drained in await asyncio.gather(*drains, return_exceptions=True):
        if isinstance(drained, ActivityError):
            workflow.logger.warning("drain: %s", failure(drained)[1])
        elif isinstance(drained, BaseException):
            raise drained


async def end_machines(state: ReplicaState, on_problem: Callable[[str], Awaitable[None]]) -> None:
    """End every machine that the last attempt may have started, whether or not it did.

    Args:
        state: The replica's; it has no nodes afterwards.
        on_problem: Told why they could not be ended yet, each time before they are tried again.

    """
    request = teardown_request(state)
    wait = FIRST_WAIT
    while True:
        try:
            await call(TEARDOWN_REPLICA, request, summary=f"end {', '.join(request.names)}")
        except ActivityError as error:
            await on_problem(failure(error)[1])
            await workflow.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        else:
            state.nodes = ()
            return
