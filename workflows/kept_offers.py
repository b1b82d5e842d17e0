"""The offers that a service was told of last, used until they are old or all refused."""

from __future__ import annotations

from temporalio import workflow

from skyflow.contracts import FIND_OFFERS, OfferQuery, Offers
from skyflow.placement.offers import Place, Refusal
from skyflow.placement.ranking import rank
from skyflow.placement.refusals import in_force, next_try
from workflows.calls import call
from workflows.service_state import ServiceState

KEPT_SECONDS = 600.0
"""Longest time for which offers are used: prices of spot machines change within hours."""
KEPT_BESIDE_PROBLEMS_SECONDS = 60.0
"""The same if a cloud could not answer, which may be over soon."""


class KeptOffers:
    """Looks for offers when those that are known will not do."""

    def __init__(self) -> None:
        """Know no offers."""
        self._query = OfferQuery(resources=())
        self._found = Offers(offers=())
        self._until = 0.0

    async def find(self, state: ServiceState, in_use: list[Place]) -> Offers:
        """Return offers for the replicas of a service.

        Raises:
            ActivityError: They could not be looked for.

        """
        now = workflow.now().timestamp()
        settings = state.version.settings
        avoided = in_force(state.refusals, now)
        query = OfferQuery(resources=settings.resources, ordered=settings.ordered)
        # Services of code that looked for offers before each attempt go on doing so.
        if workflow.patched("kept-offers") and self._will_do(query, avoided, now):
            return self._found
        told = tuple(refusal.model_copy(update={"message": ""}) for refusal in avoided)
        asked = query.model_copy(update={"avoided": told, "in_use": tuple(in_use)})
        self._found = await call(FIND_OFFERS, asked, summary=_summary(avoided))
        self._query = query
        self._until = self._lifetime_end(state, now)
        return self._found

    def _will_do(self, query: OfferQuery, avoided: tuple[Refusal, ...], now: float) -> bool:
        found = self._found
        if query != self._query or now >= self._until or not found.offers:
            return False
        return not found.more or bool(rank(found.offers, avoided))

    def _lifetime_end(self, state: ServiceState, now: float) -> float:
        kept = KEPT_BESIDE_PROBLEMS_SECONDS if self._found.problems else KEPT_SECONDS
        # Offers that were left out are missing here once they may be tried again.
        back = next_try(state.refusals, now) if self._found.avoided else None
        return min(now + kept, back or now + kept)


def _summary(avoided: tuple[Refusal, ...]) -> str:
    left_out = f", without what {len(avoided)} refusals speak for" if avoided else ""
    return f"offers that meet the resources{left_out}"
