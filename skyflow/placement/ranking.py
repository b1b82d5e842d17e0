"""Which offer to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skyflow.placement.offers import Offer, Place, Refusal

AVOIDANCE_SECONDS: Mapping[str, float] = {
    "NoCapacity": 180,
    "QuotaExceeded": 1800,
    "CredentialsError": 3600,
    "InvalidRequest": 86400,
}
"""How long a refusing place is avoided, by kind of refusal, in seconds."""

DEFAULT_AVOIDANCE_SECONDS = 5.0
"""How long a place is avoided after any other failure: it may well be gone the next time."""

FINAL_REFUSALS = frozenset({"CredentialsError", "InvalidRequest"})
"""Refusals that waiting does not mend."""


def rank(
    offers: Sequence[Offer], refusals: Sequence[Refusal], in_use: Sequence[Place], now: float
) -> tuple[Offer, ...]:
    """Return the offers that may be tried at a time, best first.

    What the spec prefers comes first, then the cheapest; among equal prices the place that holds
    the fewest replicas of the service, so that one zone's failure takes few of them. The order is
    the same for the same arguments.
    """
    avoided = [refusal for refusal in refusals if refusal.until > now]
    usable = [offer for offer in offers if not any(_covers(r, offer.place) for r in avoided)]

    def cost(offer: Offer) -> tuple[int, float, int, str, str]:
        used = sum(place == offer.place for place in in_use)
        place = offer.place
        return (offer.preference, offer.hourly_price, used, str(place), place.instance_type)

    return tuple(sorted(usable, key=cost))


def next_try(refusals: Sequence[Refusal], now: float) -> float | None:
    """Return the time (Unix, seconds) at which the first refused place may be tried again."""
    return min((refusal.until for refusal in refusals if refusal.until > now), default=None)


def _covers(refusal: Refusal, place: Place) -> bool:
    """Return whether a refusal speaks for a place: quota for its region, credentials for all."""
    refused = refusal.place
    if refused.cloud != place.cloud:
        return False
    if refusal.kind == "CredentialsError":
        return True
    if refusal.kind == "QuotaExceeded":
        return (refused.region, refused.instance_type, refused.use_spot) == (
            place.region,
            place.instance_type,
            place.use_spot,
        )
    return refused == place
