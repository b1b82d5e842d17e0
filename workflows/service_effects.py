"""What a service's workflow does to the world: activities, children and signals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError

from skyflow.contracts import (
    APPLY_ENDPOINTS,
    MEMO_STATUS,
    RELEASE_ENDPOINT,
    REMOVE_SERVICE_FILES,
    RESERVE_ENDPOINT,
    Message,
    ServiceReference,
    SlotRelease,
    SlotRequest,
    StopRequest,
    balancer_queue,
)
from skyflow.state import ServicePhase, ServiceStatus
from workflows.background import Background
from workflows.calls import call, failure
from workflows.details import service_details
from workflows.service_endpoints import refresh_endpoints
from workflows.service_load import LoadFollowing
from workflows.service_placement import ServicePlacement, tell_replica
from workflows.service_state import ServiceState
from workflows.service_status import service_status

_SERVICE = SearchAttributeKey.for_keyword("SkyflowService")
_PHASE = SearchAttributeKey.for_keyword("SkyflowPhase")
_VERSION = SearchAttributeKey.for_keyword("SkyflowVersion")
REMOVAL_RETRY = timedelta(seconds=10)
"""Wait before the files of a service are removed again that could not be."""


class ServiceEffects:
    """The effects of one service, each at most once at a time."""

    def __init__(self, state: ServiceState, on_done: Callable[[], None]) -> None:
        """Act for a state; `on_done` is called whenever an effect ends."""
        self._state = state
        self._on_done = on_done
        self._background = Background(on_done)
        self._mirrored: ServiceStatus | None = None
        self._attributes: tuple[str, str] | None = None
        self._placement = ServicePlacement(state, on_done)
        self._load = LoadFollowing(state, self._background)
        self.finished = False
        """Whether everything of the service has been removed."""

    @property
    def idle(self) -> bool:
        """Whether no effect is under way."""
        return self._background.idle

    def collect(self) -> None:
        """Forget the effects that ended; raises what a mistake in the program raised in one."""
        self._background.collect()

    def reserve(self) -> None:
        """Get an endpoint port."""
        self._background.start("reserve", self._reserve)

    def publish(self, balancer: str) -> None:
        """Give a balancer the current endpoint set."""
        self._background.start(f"publish/{balancer}", lambda: self._publish(balancer))

    def place(self) -> None:
        """Find offers for the replicas that wait for one."""
        self._background.start("place", self._placement.place)

    def stop_replica(self, replica_id: int) -> None:
        """Tell a replica to end; one that is only just being started, when it has been."""
        if replica_id == self._placement.starting:
            return
        self._background.start(f"stop/{replica_id}", lambda: self._stop_replica(replica_id))

    def follow_load(self) -> None:
        """Have the load watched as the state calls for."""
        self._load.follow()

    def leave_load(self) -> bool:
        """Have the load watched no longer, and return whether it is so.

        What the watch knows is kept for the next one.
        """
        self._load.leave()
        return not self._load.watching

    def finish(self) -> None:
        """Remove what is left of the service."""
        self._background.start("finish", self._finish)

    def status(self, now: float) -> ServiceStatus:
        """Return what the service says of itself."""
        return service_status(self._state, now, ServicePhase.DOWN if self.finished else None)

    def mirror(self, now: float) -> None:
        """Show the state to those who ask while no worker runs: memo and search attributes."""
        status = self.status(now)
        before = self._mirrored
        if before is not None and before == status.model_copy(
            update={"updated_at": before.updated_at}
        ):
            return
        self._mirrored = status
        workflow.upsert_memo({MEMO_STATUS: status})
        workflow.set_current_details(service_details(status, self._state.decisions))
        attributes = (status.phase.value, str(status.version))
        if attributes == self._attributes:
            return
        self._attributes = attributes
        workflow.upsert_search_attributes(
            [
                _SERVICE.value_set(status.service),
                _PHASE.value_set(attributes[0]),
                _VERSION.value_set(attributes[1]),
            ]
        )

    async def _reserve(self) -> None:
        state = self._state
        request = SlotRequest(
            service=state.service,
            incarnation=state.incarnation,
            refused_ports=state.refused_ports,
        )
        state.slot = await call(RESERVE_ENDPOINT, request, summary="endpoint port")
        state.balancers = tuple(sorted({*state.balancers, *state.slot.balancers}))
        state.decide(self._now(), "port", f"endpoint port {state.slot.port}")

    async def _publish(self, balancer: str) -> None:
        state = self._state
        sent = state.endpoint_set
        if sent is None:
            return
        summary = f"generation {sent.generation}: {len(sent.endpoints)} endpoints"
        try:
            await call(APPLY_ENDPOINTS, sent, summary=summary, queue=balancer_queue(balancer))
        except ActivityError as error:
            self._note_unpublished(balancer, sent.port, error)
            return
        state.published[balancer] = sent.generation
        state.serving = bool(sent.endpoints)
        state.served = state.served or state.serving
        state.stale_balancers.pop(balancer, None)
        state.balancer_retry_at.pop(balancer, None)
        replicas = ", ".join(str(e.replica_id) for e in sent.endpoints) or "none"
        state.decide(
            self._now(),
            "publish",
            f"balancer {balancer} serves generation {sent.generation}: replicas {replicas}",
        )

    def _note_unpublished(self, balancer: str, port: int, error: ActivityError) -> None:
        state = self._state
        kind, message = failure(error)
        if kind == "PortUnavailable":
            state.refused_ports = (*state.refused_ports, port)
            state.slot = None
            state.decide(self._now(), "port", f"balancer {balancer} cannot use {port}: {message}")
            return
        tries = state.stale_balancers.get(balancer, 0) + 1
        delay = min(300.0, 5.0 * 2 ** min(tries - 1, 6))
        state.stale_balancers[balancer] = tries
        state.balancer_retry_at[balancer] = self._now() + delay
        state.decide(
            self._now(),
            "publish",
            f"balancer {balancer} did not take the endpoints ({kind}: {message}); "
            f"again in {delay:.0f} s",
        )

    async def _stop_replica(self, replica_id: int) -> None:
        state = self._state
        record = state.replicas[replica_id]
        asked = state.stop.drain_seconds if state.stop else None
        settings = state.version.settings
        request = StopRequest(
            reason=record.reason or (state.stop.reason if state.stop else "no longer needed"),
            drain_seconds=settings.drain_seconds if asked is None else asked,
            balancers=state.reachable_balancers if record.ready_at else (),
            outcome=record.stop_as,
        )
        told = await tell_replica(state, replica_id, Message.STOP, request)
        if replica_id not in state.replicas:
            return
        record = state.change(replica_id, stop_sent=True)
        if not told:
            await self._placement.clear_away(record, request)

    async def _finish(self) -> None:
        state = self._state
        await self._publish_removal()
        await self._remove_files()
        release = SlotRelease(service=state.service, incarnation=state.incarnation)
        await call(RELEASE_ENDPOINT, release, summary="endpoint port")
        self.finished = True
        self.mirror(self._now())

    async def _remove_files(self) -> None:
        """Remove the spec and the snapshots, however long the store cannot be written to."""
        state = self._state
        reference = ServiceReference(service=state.service, incarnation=state.incarnation)
        while True:
            try:
                await call(REMOVE_SERVICE_FILES, reference, summary="spec and snapshots")
            except ActivityError as error:
                state.reason = f"its files in the store remain for now: {failure(error)[1]}"
                self._on_done()
                await workflow.sleep(REMOVAL_RETRY)
            else:
                state.reason = ""
                return

    async def _publish_removal(self) -> None:
        """Tell the balancers that the service is gone; one that is away finds out when back."""
        state = self._state
        refresh_endpoints(state, removed=True)
        if state.slot is None or state.endpoint_set is None:
            return
        # Also those that did not take the last set: a moment ago is not now.
        for balancer in state.balancers:
            await self._publish(balancer)

    @staticmethod
    def _now() -> float:
        return workflow.now().timestamp()
