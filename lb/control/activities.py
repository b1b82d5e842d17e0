"""The balancer's activities: what workflows ask of it."""

from __future__ import annotations

import asyncio

from temporalio import activity
from temporalio.exceptions import ApplicationError

from lb.control.data_plane import DataPlane, DataPlaneRefusal, DataPlaneUnavailable
from skyflow import contracts
from skyflow.contracts import DrainRequest, DrainResult, EndpointsApplied
from skyflow.server_clock import ServerClock
from skyflow.state import EndpointSet

_SLICE_SECONDS = 5.0
"""Longest wait between two heartbeats of a drain; well below its heartbeat timeout."""
_AGAIN_SECONDS = 1.0


class BalancerActivities:
    """Activities that hand on to a data plane."""

    def __init__(self, data_plane: DataPlane) -> None:
        self._data_plane = data_plane

    @activity.defn(name=contracts.APPLY_ENDPOINTS.name)
    async def apply_endpoints(self, endpoints: EndpointSet) -> EndpointsApplied:
        """Put an endpoint set in force.

        Raises:
            ApplicationError: The data plane refused (not retryable, of the refusal's type) or does
                not answer (retryable).
        """
        try:
            in_force = await self._data_plane.apply(endpoints)
        except DataPlaneRefusal as error:
            raise ApplicationError(
                str(error), error.refused.port, type=error.refused.error, non_retryable=True
            ) from None
        except DataPlaneUnavailable as error:
            raise ApplicationError(str(error), type=type(error).__name__) from None
        return EndpointsApplied(generation=in_force.generation)

    @activity.defn(name=contracts.DRAIN_REPLICA.name)
    async def drain_replica(self, request: DrainRequest) -> DrainResult:
        """Wait until a replica has nothing in flight, or until the deadline."""
        # By the clock that set the deadline: neither this computer's nor the data plane's counts.
        clock = ServerClock.started(activity.info().started_time)
        remaining = 0
        while True:
            left = request.deadline - clock.now()
            wait = max(0.0, min(left, _SLICE_SECONDS))
            try:
                result = await self._data_plane.drain(request.service, request.replica_id, wait)
            except DataPlaneUnavailable:
                # Its requests ended with it; one that comes back knows what is in flight then.
                await asyncio.sleep(min(_AGAIN_SECONDS, wait))
            else:
                remaining = result.remaining
                if not remaining:
                    return result
            if left <= 0:
                return DrainResult(remaining=remaining)
            activity.heartbeat(remaining)
