"""Where a service's replicas go: offers are found, ranked, and tried one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

from skyflow.contracts import (
    WORKFLOW_QUEUE,
    Assignment,
    Message,
    Offers,
    ReplicaState,
    StopRequest,
    WorkflowName,
)
from skyflow.naming import replica_workflow_id
from skyflow.placement.offers import Offer, Place
from skyflow.placement.ranking import rank, why_first
from skyflow.placement.refusals import in_force, next_try, refused_for_good
from skyflow.records import Record
from skyflow.state import ReplicaPhase, ReplicaRecord
from workflows.calls import failure, tell
from workflows.kept_offers import KeptOffers
from workflows.service_state import ServiceState

NO_OFFER_SECONDS = 30.0
"""Wait before offers are looked for again when there are none."""
MORE_OFFERS_SECONDS = 1.0
"""Wait before the next best offers are looked for when those that were told of are all refused."""
NO_LONGER_RUNS = "its workflow no longer runs"
REPORTS_UNDER_WAY = 100
"""More reports than a replica can have sent that its service has not taken in yet."""
MOST_ERRORS = 3
"""Failed launches, other than for capacity or quota, after which a replica is given up."""


class ServicePlacement:
    """Places the replicas of one service."""

    def __init__(self, state: ServiceState, on_lost: Callable[[], None]) -> None:
        """Place for a state; `on_lost` is called when a replica turns out to be gone."""
        self._state = state
        self._on_lost = on_lost
        self._kept = KeptOffers()
        self.starting: int | None = None
        """The replica whose workflow was asked for and is not known to run yet."""

    async def place(self) -> None:
        """Find offers for the replicas that wait for one, and have them tried."""
        state = self._state
        try:
            found = await self._kept.find(state, self._in_use())
        except ActivityError as error:
            state.reason = f"offers could not be read: {failure(error)[1]}"
            state.place_again_at = _now() + NO_OFFER_SECONDS
            return
        for replica_id in tuple(state.replicas):
            # Looked up anew: while another one was placed, this one may have been told to go.
            record = state.replicas.get(replica_id)
            if record is not None and record.live and record.offer is None:
                await self._place_replica(record, found)

    async def _place_replica(self, record: ReplicaRecord, found: Offers) -> None:
        state, now = self._state, _now()
        in_use = self._in_use()
        avoided = in_force(state.refusals, now)
        ranked = rank(found.offers, avoided, in_use)
        if record.errors >= MOST_ERRORS or (not ranked and self._refused_for_good(found)):
            self._give_up(record)
            return
        if not ranked:
            self._wait(found, now)
            return
        offer = ranked[0]
        record = state.assign(record.replica_id, offer, now)
        why = why_first(ranked, in_use, more=found.more, avoided=len(avoided))
        state.decide(now, "place", why, record.replica_id)
        if record.attempt == 1:
            await self._start_replica(record, offer)
            return
        assignment = Assignment(offer=offer, attempt=record.attempt)
        if not await tell_replica(state, record.replica_id, Message.ASSIGN, assignment):
            state.lose(record.replica_id, NO_LONGER_RUNS, _now())

    def _in_use(self) -> list[Place]:
        replicas = self._state.replicas.values()
        return [r.offer.place for r in replicas if r.live and r.offer is not None]

    def _refused_for_good(self, found: Offers) -> bool:
        offered = bool(found.offers) or found.avoided > 0
        return offered and not found.more and refused_for_good(self._state.refusals, _now())

    def _wait(self, found: Offers, now: float) -> None:
        """Have offers looked for again when one may be had; at once if there are more."""
        state = self._state
        again = next_try(state.refusals, now) or now + NO_OFFER_SECONDS
        if found.more:
            again = now + MORE_OFFERS_SECONDS
        state.place_again_at = again
        state.reason = f"no offer can be tried for {again - now:.0f} s"
        if found.problems:
            state.reason += f" ({'; '.join(found.problems)})"

    def _give_up(self, record: ReplicaRecord) -> None:
        """End a replica that no cloud will start."""
        last = self._state.refusals[-1] if self._state.refusals else None
        why = f"{last.kind}: {last.message}" if last else "no offer"
        self._state.decide(_now(), "stop", f"given up: {why}", record.replica_id)
        if record.attempt == 0:
            self._abandon(record.replica_id, why)
            return
        self._state.change(
            record.replica_id, leaving=True, stop_as=ReplicaPhase.FAILED_PROVISION, reason=why
        )

    def _abandon(self, replica_id: int, why: str) -> None:
        self._state.abandon(replica_id, why, _now(), workflow.random().random())

    async def clear_away(self, record: ReplicaRecord, request: StopRequest) -> None:
        """Start the workflow of a replica anew, to end what the one before it has left."""
        if record.offer is None:
            # A refused replica has ended its machines before it said so.
            self._state.change(record.replica_id, phase=request.outcome)
            self._state.forget(record.replica_id)
            return
        left = self._first_state(record, record.offer).model_copy(
            update={
                "epoch": record.epoch + REPORTS_UNDER_WAY,
                "phase": record.phase,
                "nodes": record.nodes,
                "stop": request,
            }
        )
        await self._run_replica(left)

    async def _start_replica(self, record: ReplicaRecord, offer: Offer) -> None:
        self.starting = record.replica_id
        try:
            await self._run_replica(self._first_state(record, offer))
        finally:
            self.starting = None

    def _first_state(self, record: ReplicaRecord, offer: Offer) -> ReplicaState:
        state = self._state
        return ReplicaState(
            service=state.service,
            incarnation=state.incarnation,
            installation=state.installation,
            replica_id=record.replica_id,
            # The service keeps the text for people; with each replica it would fill the history.
            version=state.version.model_copy(update={"redacted_yaml": ""}),
            offer=offer,
            attempt=record.attempt,
        )

    async def _run_replica(self, argument: ReplicaState) -> None:
        state, offer, replica_id = self._state, argument.offer, argument.replica_id
        try:
            child = await workflow.start_child_workflow(
                WorkflowName.REPLICA,
                argument,
                id=replica_workflow_id(state.service, state.incarnation, replica_id),
                task_queue=WORKFLOW_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
                search_attributes=_search_attributes(state, offer),
                static_summary=f"replica {replica_id} of {state.service} on {offer.place}",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("replica %s was started before", replica_id)
        else:
            child.add_done_callback(lambda ended: self._look_at_end(replica_id, ended))

    def _look_at_end(self, replica_id: int, ended: asyncio.Future[object]) -> None:
        """Notice a workflow that did not end by itself.

        Only the run that started it is told; once the service has continued as new, it is the
        reaper that finds it out.
        """
        if ended.cancelled() or ended.exception() is None:
            return
        self._state.lose(replica_id, NO_LONGER_RUNS, _now())
        self._on_lost()


async def tell_replica(
    state: ServiceState, replica_id: int, message: str, argument: Record
) -> bool:
    """Signal a replica; return whether it still runs."""
    name = replica_workflow_id(state.service, state.incarnation, replica_id)
    return await tell(name, message, argument)


def _search_attributes(state: ServiceState, offer: Offer) -> TypedSearchAttributes:
    """Return what a replica can be found by in the Temporal web UI."""
    values = {
        "SkyflowService": state.service,
        "SkyflowVersion": str(state.version.number),
        "SkyflowCloud": offer.place.cloud,
        "SkyflowRegion": offer.place.region,
    }
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
            for name, value in values.items()
        ]
    )


def _now() -> float:
    return workflow.now().timestamp()
