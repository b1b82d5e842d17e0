"""What clouds sell, as a table and as a document."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.tables import add_row, table
from cli.render.text import number, price, quantity
from skyflow.catalog import Listing, Zone
from skyflow.sdk.offers import OfferSearch

OFFERS_SHOWN = 20
"""Rows without `--all`."""

_NOTHING = "No machine has all that is asked for."


def offers(of: OfferSearch, most: int | None) -> RenderableType:
    """Return the table of offers, cheapest first, and what to know of its prices.

    Args:
        of: What was found.
        most: Number of rows at most; all if None.

    """
    if not of.found:
        return Text("\n  ".join((_NOTHING, *of.reasons)))
    other = "ON_DEMAND" if of.use_spot else "SPOT"
    made = table(
        *("INFRA", "INSTANCE", "CPUS", "MEMORY", "ACCELERATORS", "$/HOUR", other, "ZONES"),
    )
    for least, listing in of.found[:most]:
        add_row(made, _cells(least, listing, use_spot=of.use_spot))
    hidden = 0 if most is None else len(of.found) - most
    more = [Text(f"... and {quantity(hidden, 'more offer')}; --all shows them.")]
    return Group(made, *(more if hidden > 0 else []), Text(), *map(Text, _notes(of)))


def document(of: OfferSearch) -> dict[str, Any]:
    """Return the same, with every offer, as a document with stable keys."""
    return {
        "use_spot": of.use_spot,
        "offers": [_offer(listing, of) for _, listing in of.found],
        "reasons": list(of.reasons),
    }


def _cells(least: float, listing: Listing, *, use_spot: bool) -> tuple[object, ...]:
    machine = listing.type
    accelerators = (
        f"{machine.accelerator}:{number(machine.accelerator_count)}"
        if machine.accelerator
        else None
    )
    other = listing.price if use_spot else listing.zones[0].spot_price
    return (
        f"{machine.cloud}/{listing.region}",
        machine.name,
        number(machine.cpus),
        f"{number(machine.memory_gib)} GiB",
        accelerators,
        price(least),
        None if other is None else price(other),
        _zones(listing, use_spot=use_spot),
    )


def _zones(listing: Listing, *, use_spot: bool) -> str | None:
    """Return the zones of a listing; as spot each has a price of its own, the least comes first."""
    if [zone.name for zone in listing.zones] == [listing.region]:
        return None
    if not use_spot:
        return ", ".join(sorted(zone.name for zone in listing.zones))
    return ", ".join(_with_price(zone) for zone in listing.zones)


def _with_price(zone: Zone) -> str:
    return zone.name if zone.spot_price is None else f"{zone.name} {price(zone.spot_price)}"


def _notes(of: OfferSearch) -> list[str]:
    notes = []
    if of.dates:
        first, last = of.dates
        when = f"on {last}" if first == last else f"between {first} and {last}"
        notes.append(f"Prices as they were {when}; `skyflow catalog refresh` fetches newer ones.")
    if of.priced_only:
        clouds = ", ".join(of.priced_only)
        notes.append(f"Shown for comparison, machines cannot be started there yet: {clouds}.")
    return notes


def _offer(listing: Listing, of: OfferSearch) -> dict[str, Any]:
    machine = listing.type
    return {
        "cloud": machine.cloud,
        "region": listing.region,
        "instance_type": machine.name,
        "cpus": machine.cpus,
        "memory_gib": machine.memory_gib,
        "accelerator": machine.accelerator,
        "accelerator_count": machine.accelerator_count,
        "accelerator_memory_gib": machine.accelerator_memory_gib,
        "local_disk_gb": machine.local_disk_gb,
        "hourly_price": listing.price,
        "zones": [
            {"zone": zone.name, "spot_hourly_price": zone.spot_price} for zone in listing.zones
        ],
        "date": listing.date,
        "can_start": machine.cloud not in of.priced_only,
    }
