"""Watching how much is asked of services."""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.context import Context
from activities.running import mapped_errors
from skyflow.autoscaling.progress import LoadProgress
from skyflow.contracts import WATCH_LOAD, LoadWatchRequest, LoadWatchResult
from skyflow.server_clock import ServerClock
from skyflow.watching.load import LoadWatch

LOOKS_PER_HEARTBEAT = 3
"""What a heartbeat keeps is serialised each time, and a worker has hundreds of watches."""


class LoadActivities:
    """Activities that follow the load of services."""

    def __init__(self, context: Context) -> None:
        """Look at the balancers of a worker's context."""
        self._context = context

    @activity.defn(name=WATCH_LOAD.name)
    async def watch_load(self, request: LoadWatchRequest) -> LoadWatchResult:
        """Return when there should be another number of replicas, or at the time of renewal.

        A watch that is cancelled, for its worker stops for instance, ends with what it knows.
        """
        watch = LoadWatch(request, _resumed())
        with mapped_errors():
            try:
                return await self._watch(watch, request)
            except asyncio.CancelledError:
                return watch.unchanged()

    async def _watch(self, watch: LoadWatch, request: LoadWatchRequest) -> LoadWatchResult:
        clock = ServerClock.started(activity.info().started_time)
        looks = 0
        async with self._context.loads.subscribe(request.service, request.incarnation) as views:
            async for view in views:
                if watch.is_burst(view):
                    view = await views.newer()
                if (result := watch.look(view, clock.now())) is not None:
                    return result
                if looks % LOOKS_PER_HEARTBEAT == 0:
                    activity.heartbeat(watch.progress)
                looks += 1
        raise AssertionError("views end with the subscription only")


def _resumed() -> LoadProgress | None:
    """Return how far the worker was that began this watch."""
    details = activity.info().heartbeat_details
    return LoadProgress.model_validate(details[0]) if details else None
