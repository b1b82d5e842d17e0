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

GATHERING_SECONDS = 0.25
"""How long the first request at zero waits for those that come with it, so that all of them are one
launch: a fraction of the time in which the fastest of servers starts."""
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
        async with self._context.loads.of(request.service, request.incarnation) as loads:
            while True:
                report = await loads.next()
                if watch.is_burst(report):
                    await asyncio.sleep(GATHERING_SECONDS)
                    report = await loads.now()
                if (result := watch.look(report, clock.now())) is not None:
                    return result
                if looks % LOOKS_PER_HEARTBEAT == 0:
                    activity.heartbeat(watch.progress)
                looks += 1


def _resumed() -> LoadProgress | None:
    """Return how far the worker was that began this watch."""
    details = activity.info().heartbeat_details
    return LoadProgress.model_validate(details[0]) if details else None
