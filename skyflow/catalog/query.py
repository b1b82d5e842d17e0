"""What of a catalogue meets a request."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import TypeAlias

from skyflow.catalog.defaults import is_usual, with_defaults
from skyflow.catalog.machines import Catalog, Listing, Zone
from skyflow.clouds.matching import has_hardware
from skyflow.placement.offers import Offer, Place, ResourceRequest

_Sold: TypeAlias = tuple[float, Listing, Zone]
"""A zone where a listing is sold, after its price in US dollars per hour."""


def offers(catalog: Catalog, request: ResourceRequest, most: int | None = None) -> list[Offer]:
    """Return an offer for each zone whose machines meet a request, cheapest first.

    They are those that `meets` accepts, less what nobody means who leaves the type open (see
    `skyflow.catalog.defaults`). With equal prices the order is that of the names.

    Args:
        catalog: Where to look.
        request: What is wanted; zones have the names that the catalogue gives them.
        most: Number of offers at most; all if None.

    """
    sold = list(_sold(catalog, request))
    cheapest = heapq.nsmallest(len(sold) if most is None else most, sold, key=_order)
    return [_offer(each, use_spot=request.use_spot) for each in cheapest]


def search(catalog: Catalog, request: ResourceRequest) -> list[tuple[float, Listing]]:
    """Return the same as listings that name only zones which meet the request, cheapest first.

    Returns:
        Each listing with its least price in US dollars per hour; its cheapest zone comes first.

    """
    found: dict[int, tuple[Listing, list[tuple[float, Zone]]]] = {}
    for price, listing, zone in _sold(catalog, request):
        found.setdefault(id(listing), (listing, []))[1].append((price, zone))
    cheapest = []
    for listing, zones in found.values():
        zones.sort()
        kept = listing._replace(zones=tuple(zone for _, zone in zones))
        cheapest.append((zones[0][0], kept))
    return sorted(cheapest, key=lambda each: (each[0], each[1].type[:2], each[1].region))


def _sold(catalog: Catalog, request: ResourceRequest) -> Iterator[_Sold]:
    wanted = with_defaults(request)
    limit = math.inf if wanted.max_hourly_price is None else wanted.max_hourly_price
    for machine, listings in catalog.by_type.items():
        named = ((wanted.cloud, machine.cloud), (wanted.instance_type, machine.name))
        if any(part not in (None, found) for part, found in named):
            continue
        if not (has_hardware(machine, wanted) and is_usual(machine, wanted)):
            continue
        for listing in listings:
            if wanted.region not in (None, listing.region):
                continue
            for zone in listing.zones:
                price = listing.hourly_price(zone, use_spot=wanted.use_spot)
                if price is None or price > limit or wanted.zone not in (None, zone.name):
                    continue
                yield price, listing, zone


def _order(sold: _Sold) -> tuple[float, str, str, str, str]:
    price, listing, zone = sold
    return (price, listing.type.cloud, listing.region, zone.name, listing.type.name)


def _offer(sold: _Sold, *, use_spot: bool) -> Offer:
    price, listing, zone = sold
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
