"""Why nothing in a catalogue meets a request."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from skyflow.catalog.machines import Catalog, Listing
from skyflow.catalog.query import search
from skyflow.placement.offers import ResourceRequest

MOST_NAMES_SHOWN = 40
"""Most names of one kind that a sentence lists."""

_ZONE_NAME = (
    "there is no zone {zone!r}: the catalogue has the ids of zones, such as use1-az1, since every "
    "account names them otherwise; name the region {region} instead"
)


def unknown_name(catalog: Catalog, request: ResourceRequest) -> str | None:
    """Return a sentence on the first name in a request that the catalogue does not have.

    It says which name may have been meant, and which there are. What is not named is not looked
    at: regions are those of the cloud that is named, zones those of the region.
    """
    listings = list(catalog.listings())
    steps = (
        ("cloud", request.cloud, lambda each: [each.type.cloud]),
        ("region", request.region, lambda each: [each.region]),
        ("zone", request.zone, lambda each: [zone.name for zone in each.zones]),
        ("instance type", request.instance_type, lambda each: [each.type.name]),
        ("accelerator", request.accelerator, lambda each: [each.type.accelerator or ""]),
    )
    where = ""
    for kind, wanted, names in steps:
        if wanted is None:
            continue
        having = [listing for listing in listings if wanted in names(listing)]
        if not having and kind == "zone" and wanted[:-1] in {each.region for each in listings}:
            return _ZONE_NAME.format(zone=wanted, region=wanted[:-1])
        if not having:
            there_are = {name for listing in listings for name in names(listing)} - {""}
            return _unknown(kind, wanted, there_are, where)
        if kind in ("cloud", "region"):
            listings, where = having, f" at {wanted}"
    return None


def why_none(catalog: Catalog, request: ResourceRequest) -> str:
    """Return a sentence on why nothing meets a request: what would, if less were asked."""
    if unknown := unknown_name(catalog, request):
        return unknown
    if counts := _other_counts(catalog, request):
        return counts
    for what, less in _relaxed(request):
        if found := search(catalog, less):
            return f"nothing has {what}; without that, the cheapest is {_described(*found[0])}"
    return "nothing has all that is asked for at once"


def _unknown(kind: str, wanted: str, there_are: Iterable[str], where: str) -> str:
    names = sorted(there_are)
    close = _close(wanted, names)
    hint = f"; did you mean {close!r}?" if close else ""
    if len(names) > MOST_NAMES_SHOWN:
        return f"there is no {kind} {wanted!r}{where}{hint}"
    ending = "" if hint else ";"
    return f"there is no {kind} {wanted!r}{where}{hint}{ending} there are: {', '.join(names)}"


def _close(wanted: str, names: Iterable[str]) -> str | None:
    by_form = {name.lower(): name for name in names}
    close = difflib.get_close_matches(wanted.lower(), by_form, n=1)
    return by_form[close[0]] if close else None


def _other_counts(catalog: Catalog, request: ResourceRequest) -> str | None:
    """Return with how many of an accelerator machines come, if not with so many as asked."""
    name = request.accelerator
    if name is None:
        return None
    counts = {
        listing.type.accelerator_count
        for listing in catalog.listings()
        if listing.type.accelerator == name and request.cloud in (None, listing.type.cloud)
    }
    if request.accelerator_count in counts or not counts:
        return None
    shown = ", ".join(f"{count:g}" for count in sorted(counts))
    where = f" at {request.cloud}" if request.cloud else ""
    return f"no machine{where} has {request.accelerator_count:g} of {name}; some have: {shown}"


def _relaxed(request: ResourceRequest) -> Iterator[tuple[str, ResourceRequest]]:
    """Yield what a request asks for, part by part, and the request without that part."""
    parts: tuple[tuple[str | None, dict[str, object]], ...] = (
        (_price(request), {"max_hourly_price": None}),
        ("a price as spot" if request.use_spot else None, {"use_spot": False}),
        (request.zone and f"zone {request.zone}", {"zone": None}),
        (request.region and f"region {request.region}", {"region": None, "zone": None}),
        (
            request.cloud and f"cloud {request.cloud}",
            {"cloud": None, "region": None, "zone": None},
        ),
        (request.local_disk and f"a local disk of {request.local_disk}", {"local_disk": None}),
        (_amount("CPUs", request.cpus, request.cpus_or_more), {"cpus": None}),
        (_amount("GiB", request.memory_gib, request.memory_or_more), {"memory_gib": None}),
        (request.instance_type and f"type {request.instance_type}", {"instance_type": None}),
    )
    for what, less in parts:
        if what:
            yield what, request.model_copy(update=less)


def _price(request: ResourceRequest) -> str | None:
    limit = request.max_hourly_price
    return None if limit is None else f"a price of at most ${limit:g} per hour"


def _amount(unit: str, amount: float | None, or_more: bool) -> str | None:
    return None if amount is None else f"{amount:g}{' or more' if or_more else ''} {unit}"


def _described(price: float, listing: Listing) -> str:
    return f"{listing.type.name} at {listing.type.cloud}/{listing.region} for ${price:g} per hour"
