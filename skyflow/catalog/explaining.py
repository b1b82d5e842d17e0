"""Why nothing in a catalogue meets a request."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from skyflow.catalog.machines import Catalog
from skyflow.catalog.query import offers
from skyflow.placement.offers import ResourceRequest
from skyflow.placement.relaxing import relaxations, why_refused

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


def why_none(catalog: Catalog, requests: Sequence[ResourceRequest]) -> list[str]:
    """Return why nothing meets any of some requests: what each key asks too much of.

    Empty if leaving out any one key would not do.
    """
    found = (
        (key, [offer for request in less for offer in offers(catalog, request)])
        for key, less in relaxations(requests)
    )
    return [why_refused(key, requests, offered) for key, offered in found if offered]


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
