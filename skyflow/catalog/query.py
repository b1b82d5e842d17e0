"""What of a catalogue meets a request."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TypeAlias

from skyflow.catalog.defaults import is_usual, with_defaults
from skyflow.catalog.machines import Catalog, Listing, Zone
from skyflow.clouds.matching import has_hardware
from skyflow.placement.offers import Offer, Place, ResourceRequest

Found: TypeAlias = tuple[float, Listing]
"""A listing after its least price in US dollars per machine and hour."""


def offers(catalog: Catalog, request: ResourceRequest, most: int | None = None) -> list[Offer]:
    """Return an offer for each zone whose machines meet a request, cheapest first.

    They are those that `meets` accepts, less what nobody means who leaves the type open (see
    `skyflow.catalog.defaults`). Equal prices keep the order of the catalogue.

    Args:
        catalog: Where to look.
        request: What is wanted; zones have the names that the catalogue gives them.
        most: Number of offers at most; all if None.

    """
    wanted = with_defaults(request)
    found = _cheapest(list(_sold(catalog, wanted)), most)
    sold = [
        (price, zone, listing) for _, listing in found for price, zone in _zones(listing, wanted)
    ]
    sold.sort(key=itemgetter(0))
    return [_offer(*each, use_spot=request.use_spot) for each in sold[:most]]


def search(catalog: Catalog, request: ResourceRequest) -> list[Found]:
    """Return the same as listings that name only zones which meet the request, cheapest first."""
    wanted = with_defaults(request)
    found = sorted(_sold(catalog, wanted), key=itemgetter(0))
    if wanted.zone is None and not wanted.use_spot:
        return found
    return [(price, _narrowed(listing, wanted)) for price, listing in found]


def _sold(catalog: Catalog, wanted: ResourceRequest) -> Iterator[Found]:
    """Yield each listing that has a zone which meets a request, with its least price."""
    # Looked up once: there may be tens of thousands of listings.
    limit, region, zone, use_spot = _limit(wanted), wanted.region, wanted.zone, wanted.use_spot
    for listings in _suitable(catalog, wanted):
        for listing in listings:
            price = listing.zones[0].spot_price if use_spot else listing.price
            if price is None or price > limit or (region and region != listing.region):
                continue
            if zone is None:
                yield price, listing
            elif zones := list(_zones(listing, wanted)):
                yield zones[0][0], listing


def _suitable(catalog: Catalog, wanted: ResourceRequest) -> Iterator[Sequence[Listing]]:
    """Yield the listings of each type of machine that meets a request, wherever it is."""
    for machine, listings in catalog.by_type.items():
        named = ((wanted.cloud, machine.cloud), (wanted.instance_type, machine.name))
        if (
            all(part in (None, found) for part, found in named)
            and has_hardware(machine, wanted)
            and is_usual(machine, wanted)
        ):
            yield listings


def _zones(listing: Listing, wanted: ResourceRequest) -> Iterator[tuple[float, Zone]]:
    """Yield the zones of a listing that meet a request, each after its price."""
    limit = _limit(wanted)
    for zone in listing.zones:
        price = zone.spot_price if wanted.use_spot else listing.price
        if price is not None and price <= limit and wanted.zone in (None, zone.name):
            yield price, zone


def _narrowed(listing: Listing, wanted: ResourceRequest) -> Listing:
    return listing._replace(zones=tuple(zone for _, zone in _zones(listing, wanted)))


def _limit(wanted: ResourceRequest) -> float:
    return math.inf if wanted.max_hourly_price is None else wanted.max_hourly_price


def _cheapest(found: list[Found], most: int | None) -> list[Found]:
    """Return the listings, in their order, that hold a number of cheapest offers for certain."""
    if most is None or len(found) <= most:
        return found
    limit = sorted([price for price, _ in found])[most - 1]
    return [each for each in found if each[0] <= limit]


def _offer(price: float, zone: Zone, listing: Listing, *, use_spot: bool) -> Offer:
    machine = listing.type
    return Offer(
        place=Place(
            cloud=machine.cloud,
            region=listing.region,
            zone=zone.name,
            instance_type=machine.name,
            use_spot=use_spot,
        ),
        hourly_price=price,
        cpus=machine.cpus,
        memory_gib=machine.memory_gib,
        accelerator=machine.accelerator,
        accelerator_count=machine.accelerator_count,
        accelerator_memory_gib=machine.accelerator_memory_gib,
        local_disk_gib=machine.local_disk_gib,
    )
