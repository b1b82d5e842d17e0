"""What a service's workflow does to the world: activities, children and signals."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

from skyflow.contracts import (
    APPLY_ENDPOINTS,
    FIND_OFFERS,
    MEMO_STATUS,
    RELEASE_ENDPOINT,
    REMOVE_SERVICE_FILES,
    RESERVE_ENDPOINT,
    WORKFLOW_QUEUE,
    Assignment,
    Message,
    OfferQuery,
    Offers,
    ReplicaState,
    ServiceReference,
    SlotRelease,
    SlotRequest,
    StopRequest,
    WorkflowName,
    balancer_queue,
)
from skyflow.naming import replica_workflow_id
from skyflow.placement.offers import Offer
from skyflow.placement.ranking import FINAL_REFUSALS, next_try, rank
from skyflow.records import Record
from skyflow.state import ReplicaPhase, ReplicaRecord, ServicePhase, ServiceStatus
from workflows.background import Background
from workflows.calls import call, failure, tell
from workflows.details import service_details
from workflows.service_state import ServiceState

NO_OFFER_SECONDS = 30.0
"""Wait before offers are looked for again when there are none."""
MOST_ERRORS = 3
"""Failed launches, other than for capacity or quota, after which a replica is given up."""

_SERVICE = SearchAttributeKey.for_keyword("SkyflowService")
_PHASE = SearchAttributeKey.for_keyword("SkyflowPhase")
_VERSION = SearchAttributeKey.for_keyword("SkyflowVersion")


class ServiceEffects:
    """The effects of one service, each at most once at a time."""

    def __init__(self, state: ServiceState, on_done: Callable[[], None]) -> None:
        """Act for a state; `on_done` is called whenever an effect ends."""
        self._state = state
        self._background = Background(on_done)
        self._mirrored: ServiceStatus | None = None
        self._attributes: tuple[str, str] | None = None
        self._starting: int | None = None
        """The replica whose workflow was asked for and is not known to run yet."""
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
        self._background.start("place", self._place)

    def stop_replica(self, replica_id: int) -> None:
        """Tell a replica to end; one that is only just being started, when it has been."""
        if replica_id == self._starting:
            return
        self._background.start(f"stop/{replica_id}", lambda: self._stop_replica(replica_id))

    def finish(self) -> None:
        """Remove what is left of the service."""
        self._background.start("finish", self._finish)

    def status(self, now: float) -> ServiceStatus:
        """Return what the service says of itself."""
        return self._state.status(now, ServicePhase.DOWN if self.finished else None)

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

    async def _place(self) -> None:
        state = self._state
        try:
            found = await call(
                FIND_OFFERS,
                OfferQuery(
                    resources=state.version.settings.resources,
                    ordered=state.version.settings.ordered,
                ),
                summary="offers that meet the resources",
            )
        except ActivityError as error:
            state.reason = f"offers could not be read: {failure(error)[1]}"
            state.place_again_at = self._now() + NO_OFFER_SECONDS
            return
        for replica_id in tuple(state.replicas):
            # Looked up anew: while another one was placed, this one may have been told to go.
            record = state.replicas.get(replica_id)
            if record is not None and record.live and record.offer is None:
                await self._place_replica(record, found)

    async def _place_replica(self, record: ReplicaRecord, found: Offers) -> None:
        state, now = self._state, self._now()
        in_use = [r.offer.place for r in state.replicas.values() if r.live and r.offer is not None]
        ranked = rank(found.offers, state.refusals, in_use, now)
        if record.errors >= MOST_ERRORS or (not ranked and self._refused_for_good(found)):
            self._give_up(record)
            return
        if not ranked:
            again = next_try(state.refusals, now) or now + NO_OFFER_SECONDS
            state.place_again_at = again
            state.reason = f"no offer can be tried for {again - now:.0f} s"
            if found.problems:
                state.reason += f" ({'; '.join(found.problems)})"
            return
        offer = ranked[0]
        record = state.assign(record.replica_id, offer)
        state.decide(now, "place", _why(offer, ranked), record.replica_id)
        if record.attempt == 1:
            await self._start_replica(record, offer)
            return
        assignment = Assignment(offer=offer, attempt=record.attempt)
        told = await self._tell(record.replica_id, Message.ASSIGN, assignment)
        if not told and record.replica_id in state.replicas:
            self._abandon(record.replica_id, "its workflow no longer runs")

    def _refused_for_good(self, found: Offers) -> bool:
        refused = [r.kind for r in self._state.refusals if r.until > self._now()]
        return bool(found.offers) and all(kind in FINAL_REFUSALS for kind in refused)

    def _give_up(self, record: ReplicaRecord) -> None:
        """End a replica that no cloud will start."""
        last = self._state.refusals[-1] if self._state.refusals else None
        why = f"{last.kind}: {last.message}" if last else "no offer"
        self._state.decide(self._now(), "stop", f"given up: {why}", record.replica_id)
        if record.attempt == 0:
            self._abandon(record.replica_id, why)
            return
        self._state.change(
            record.replica_id, leaving=True, stop_as=ReplicaPhase.FAILED_PROVISION, reason=why
        )

    def _abandon(self, replica_id: int, why: str) -> None:
        self._state.abandon(replica_id, why, self._now(), workflow.random().random())

    async def _start_replica(self, record: ReplicaRecord, offer: Offer) -> None:
        state = self._state
        argument = ReplicaState(
            service=state.service,
            incarnation=state.incarnation,
            installation=state.installation,
            replica_id=record.replica_id,
            # The service keeps the text for people; with each replica it would fill the history.
            version=state.version.model_copy(update={"redacted_yaml": ""}),
            offer=offer,
            attempt=record.attempt,
        )
        self._starting = record.replica_id
        try:
            await workflow.start_child_workflow(
                WorkflowName.REPLICA,
                argument,
                id=replica_workflow_id(state.service, state.incarnation, record.replica_id),
                task_queue=WORKFLOW_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
                static_summary=f"replica {record.replica_id} of {state.service} on {offer.place}",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("replica %s was started before", record.replica_id)
        finally:
            self._starting = None

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
        told = await self._tell(replica_id, Message.STOP, request)
        if replica_id not in state.replicas:
            return
        state.change(replica_id, stop_sent=True)
        if not told:
            state.change(replica_id, phase=record.stop_as)
            state.forget(replica_id)

    async def _tell(self, replica_id: int, message: str, argument: Record) -> bool:
        """Signal a replica; return whether it still runs."""
        state = self._state
        name = replica_workflow_id(state.service, state.incarnation, replica_id)
        told = await tell(name, message, argument)
        if not told:
            state.decide(self._now(), "lost", "its workflow no longer runs", replica_id)
        return told

    async def _finish(self) -> None:
        state = self._state
        await self._publish_removal()
        reference = ServiceReference(service=state.service, incarnation=state.incarnation)
        await call(REMOVE_SERVICE_FILES, reference, summary="spec and snapshots")
        release = SlotRelease(service=state.service, incarnation=state.incarnation)
        await call(RELEASE_ENDPOINT, release, summary="endpoint port")
        self.finished = True
        self.mirror(self._now())

    async def _publish_removal(self) -> None:
        """Tell the balancers that the service is gone; one that is away finds out when back."""
        state = self._state
        state.refresh_endpoints(removed=True)
        if state.slot is None or state.endpoint_set is None:
            return
        for balancer in state.reachable_balancers:
            await self._publish(balancer)

    @staticmethod
    def _now() -> float:
        return workflow.now().timestamp()


def _why(offer: Offer, ranked: tuple[Offer, ...]) -> str:
    others = ", ".join(f"{o.place} at ${o.hourly_price:g}/h" for o in ranked[1:4]) or "none"
    return (
        f"{offer.place} at ${offer.hourly_price:g}/h: cheapest of {len(ranked)} offers that may be "
        f"tried; next best: {others}"
    )
