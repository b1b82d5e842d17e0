"""The number of replicas follows the load: a long activity watches it, and says when to change."""

from __future__ import annotations

from typing import TypeAlias

from temporalio import workflow
from temporalio.exceptions import ActivityError

from skyflow.autoscaling.observation import Fleet
from skyflow.autoscaling.settings import AutoscalingSettings
from skyflow.contracts import WATCH_LOAD, LoadWatchRequest, LoadWatchResult
from skyflow.placement.capacity import capacity
from skyflow.rollout.replicas import by_usefulness
from skyflow.state import Decision
from workflows.background import Background
from workflows.calls import start
from workflows.service_state import ServiceState

RENEWAL_SECONDS = 6 * 3600
"""How long a watch lasts in which nothing changes."""

_Watched: TypeAlias = tuple[AutoscalingSettings, tuple[float, ...]]
"""What a watch must be told of at once when it changes: the settings, and what replicas can take
where they differ."""


class LoadFollowing:
    """Watches the load of one service, by one activity at a time."""

    def __init__(self, state: ServiceState, background: Background) -> None:
        """Watch for a state; the watch is one of the works in the background."""
        self._state = state
        self._background = background
        self._watched: _Watched | None = None
        self._over = False

    @property
    def watching(self) -> bool:
        """Whether a watch is open."""
        return self._watched is not None

    def follow(self) -> None:
        """Watch as the state calls for: anew if something else is to be watched, or not at all."""
        wanted = self._wanted()
        if wanted == self._watched:
            return
        if self._watched is not None:
            self.leave()
            return
        self._watched, self._over = wanted, False
        self._background.start("load", self._watch)

    def leave(self) -> None:
        """End the watch; until it has ended, nothing else is watched."""
        self._over = True

    def _wanted(self) -> _Watched | None:
        state = self._state
        settings = state.version.settings
        if settings.autoscaling is None or state.slot is None or state.stop is not None:
            return None
        if state.held or state.failed:
            return None
        qps = settings.qps_by_accelerator
        kept = by_usefulness(tuple(state.replicas.values()), state.in_flight, qps) if qps else []
        return settings.autoscaling, tuple(capacity(record.offer, qps) for record in kept)

    async def _watch(self) -> None:
        watched, request = self._watched, self._request()
        if watched is None or request is None:
            return
        handle = start(WATCH_LOAD, request, summary=f"load, with a target of {self._state.target}")
        await workflow.wait_condition(lambda: self._over or handle.done())
        if not handle.done():
            handle.cancel()
        try:
            result = await handle
        except ActivityError as error:
            workflow.logger.info("the watch of the load ended: %s", error)
        else:
            self._take(result)
        finally:
            self._watched = None

    def _request(self) -> LoadWatchRequest | None:
        state, watched, bounds = self._state, self._watched, self._state.bounds_in_force
        if watched is None or bounds is None:
            return None
        settings, capacities = watched
        spread = 0.9 + 0.2 * workflow.random().random()
        return LoadWatchRequest(
            service=state.service,
            incarnation=state.incarnation,
            settings=settings,
            fleet=Fleet(
                target=state.target,
                capacities=capacities,
                cold_start_seconds=state.cold_start_seconds,
            ),
            bounds=bounds,
            progress=state.load,
            renew_at=workflow.now().timestamp() + RENEWAL_SECONDS * spread,
        )

    def _take(self, result: LoadWatchResult) -> None:
        """Do as the load asks, unless somebody has set the number by hand meanwhile."""
        state = self._state
        state.load, state.bounds = result.progress, result.bounds
        state.in_flight = result.in_flight
        why = result.progress.explanation
        if state.held or state.stop is not None or result.target == state.target or why is None:
            return
        state.target = result.target
        now = workflow.now().timestamp()
        state.keep(Decision(at=now, kind="scale", reason=why.text(), explanation=why))
