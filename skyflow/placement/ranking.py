"""Which offer to try next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from skyflow.placement.offers import Offer, Place, Refusal
from skyflow.placement.refusals import Avoided

NEAR_PRICE = 0.05
"""How much dearer than the cheapest an offer may be and still count as of near-equal price."""

MOST_OFFERS = 50
"""Offers that a workflow is told of at once: thousands would fill its history."""


def rank(
    offers: Iterable[Offer], avoided: Iterable[Refusal] = (), in_use: Sequence[Place] = ()
) -> tuple[Offer, ...]:
    """Return the offers that may be tried, best first.

    What the spec prefers comes first, then the cheapest. Offers that cost at most 5 % more than the
    cheapest one form a band, in which the zone with the fewest replicas of the service comes first,
    then the region with the fewest, so that one failure takes few of them; the next band begins
    with the cheapest of the rest. The order is the same for the same offers in any order.

    Args:
        offers: Each at another place.
        avoided: What they speak for is left out.
        in_use: Where the replicas of the service are.

    """
    refused = Avoided(avoided)
    usable = sorted((offer for offer in offers if offer.place not in refused), key=_by_price)
    zones = Counter(_zone(place) for place in in_use)
    regions = Counter(_region(place) for place in in_use)

    def held(offer: Offer) -> tuple[int, int]:
        return zones[_zone(offer.place)], regions[_region(offer.place)]

    # Sorting keeps the order by price among those that are equal here.
    return tuple(offer for band in _bands(usable) for offer in sorted(band, key=held))


def shortlist(ranked: Sequence[Offer], most: int = MOST_OFFERS) -> tuple[Offer, ...]:
    """Return the best of ranked offers, in their order.

    They are the first ones, but that up to half of them are the best in each zone of the first
    band: replicas that are placed later can be spread over these.
    """
    if len(ranked) <= most:
        return tuple(ranked)
    leaders: dict[tuple[str, ...], int] = {}
    first_band = next(_bands(sorted(ranked, key=_by_price)))
    for at, offer in enumerate(ranked[: len(first_band)]):
        leaders.setdefault(_zone(offer.place), at)
    chosen = set(list(leaders.values())[: most // 2])
    for at in range(len(ranked)):
        if len(chosen) == most:
            break
        chosen.add(at)
    return tuple(ranked[at] for at in sorted(chosen))


def spread(ranked: Sequence[Offer], replicas: int) -> tuple[Offer, ...]:
    """Return the offer that each of some replicas gets if none is refused; the same for many."""
    candidates = shortlist(ranked)
    chosen: list[Offer] = []
    for _ in range(replicas if candidates else 0):
        chosen.append(rank(candidates, in_use=[offer.place for offer in chosen])[0])
    return tuple(chosen)


def why_first(
    ranked: Sequence[Offer], in_use: Sequence[Place], *, more: int = 0, avoided: int = 0
) -> str:
    """Return why the first of ranked offers is tried next, and what comes after it.

    Args:
        ranked: What `rank` returned, not empty.
        in_use: Where the replicas of the service are, as `rank` was told.
        more: Offers that may be tried too and are not among the ranked ones.
        avoided: Refusals because of which others are left out.

    """
    first = ranked[0]
    same = [offer for offer in ranked if offer.preference == first.preference]
    cheapest = min(same, key=_by_price)
    reasons = [f"of {len(ranked) + more} offers"]
    if first.hourly_price > cheapest.hourly_price:
        reasons[0] = f"within {NEAR_PRICE:.0%} of the cheapest {reasons[0]}"
    else:
        reasons[0] = f"cheapest {reasons[0]}"
    if in_use:
        held = sum(_zone(place) == _zone(first.place) for place in in_use)
        reasons.append(f"replicas in its zone: {held}")
    if any(offer.preference != first.preference for offer in ranked):
        reasons.append("preferred by the order of `resources`")
    if avoided:
        reasons.append(f"avoided after refusals: {avoided}")
    others = ", ".join(offer_in_words(offer) for offer in ranked[1:4]) or "none"
    return f"{offer_in_words(first)}: {'; '.join(reasons)}; next best: {others}"


def offer_in_words(offer: Offer) -> str:
    """Return an offer as decisions name it: type, place and price."""
    return f"{offer.place.instance_type} in {offer.place} at ${offer.hourly_price:g}/h"


def _bands(offers: Iterable[Offer]) -> Iterator[list[Offer]]:
    """Part offers that are sorted by price into those of near-equal price."""
    band: list[Offer] = []
    for offer in offers:
        if band and not _near(band[0], offer):
            yield band
            band = []
        band.append(offer)
    if band:
        yield band


def _near(cheapest: Offer, offer: Offer) -> bool:
    same = offer.preference == cheapest.preference
    return same and offer.hourly_price <= cheapest.hourly_price * (1 + NEAR_PRICE)


def _by_price(offer: Offer) -> tuple[int, float, str, str, str, str, bool]:
    place = offer.place
    where = (place.cloud, place.region, place.zone, place.instance_type)
    return (offer.preference, offer.hourly_price, *where, place.use_spot)


def _zone(place: Place) -> tuple[str, ...]:
    return (place.cloud, place.region, place.zone)


def _region(place: Place) -> tuple[str, ...]:
    return (place.cloud, place.region)
