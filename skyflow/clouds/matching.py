"""Whether an offer is what was asked for."""

from __future__ import annotations

from skyflow.placement.offers import Offer, ResourceRequest


def meets(offer: Offer, request: ResourceRequest) -> bool:
    """Return whether a machine of an offer has all that a request names."""
    place = offer.place
    named = (
        (request.cloud, place.cloud),
        (request.region, place.region),
        (request.zone, place.zone),
        (request.instance_type, place.instance_type),
    )
    return (
        all(wanted in (None, found) for wanted, found in named)
        and request.use_spot == place.use_spot
        and _enough(request.cpus, offer.cpus, request.cpus_or_more)
        and _enough(request.memory_gib, offer.memory_gib, request.memory_or_more)
        and _accelerated(offer, request)
    )


def _enough(wanted: float | None, found: float, or_more: bool) -> bool:
    return wanted is None or found == wanted or (or_more and found > wanted)


def _accelerated(offer: Offer, request: ResourceRequest) -> bool:
    if request.accelerator is None:
        return True
    found = (offer.accelerator, offer.accelerator_count)
    return found == (request.accelerator, request.accelerator_count)
