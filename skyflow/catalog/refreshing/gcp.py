"""Prices of Google Cloud, put together from those of the parts of machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from skyflow.catalog.machines import Listing, MachineType
from skyflow.catalog.refreshing.gcp_billing import CORE, DISK, RAM, URL, PartKey, fetch_parts
from skyflow.catalog.refreshing.source import Fetched, Report

_FAMILIES = {"a3-megagpu": "a3plus", "a3-ultragpu": "a3ultra"}
"""Families whose name in the billing catalogue is not the beginning of their types' names."""
_BILLED_CPUS = {"e2-micro": 0.25, "e2-small": 0.5, "e2-medium": 1.0}
"""CPUs that are paid for of types that share them ("Shared-core machine types")."""


class GcpPrices:
    """Prices of Google Cloud, for the types and zones that the catalogue has.

    Which machines there are only a project can ask; what they cost is the same for everybody.
    """

    cloud = "gcp"

    def __init__(self, key: str, base_url: str = URL) -> None:
        self._key = key
        self._base_url = base_url.rstrip("/")
        self._parts: Mapping[PartKey, float] | None = None

    async def fetch(self, region: str, known: Sequence[Listing], report: Report) -> Fetched:
        """Return what is known of a region with today's prices.

        Raises:
            CloudError: The billing catalogue could not be fetched.

        """
        if self._parts is None:
            self._parts = await fetch_parts(self._key, self._base_url, report)
        date = datetime.now(UTC).date().isoformat()
        new = [repriced(listing, self._parts, date) for listing in known]
        if all(listing is None for listing in new):
            return Fetched(())
        old = [each.type.name for each, now in zip(known, new, strict=True) if now is None]
        kept = [now or before for before, now in zip(known, new, strict=True)]
        names = ", ".join(sorted(old))
        return Fetched(kept, f"the billing catalogue has no price of {names}" if old else None)


def repriced(listing: Listing, parts: Mapping[PartKey, float], date: str) -> Listing | None:
    """Return a listing with the prices of a day; None if a part of it has none on demand."""
    price = machine_price(listing.type, listing.region, parts, use_spot=False)
    if price is None:
        return None
    spot = machine_price(listing.type, listing.region, parts, use_spot=True)
    zones = tuple(zone._replace(spot_price=spot) for zone in listing.zones)
    return listing._replace(price=price, zones=zones, date=date)


def machine_price(
    machine: MachineType, region: str, parts: Mapping[PartKey, float], *, use_spot: bool
) -> float | None:
    """Return the sum of the prices of a machine's parts in US dollars per hour."""
    family = "-".join(machine.name.split("-")[:2])
    family = _FAMILIES.get(family, family.partition("-")[0])
    amounts = {
        (family, CORE): _BILLED_CPUS.get(machine.name, machine.cpus),
        (family, RAM): machine.memory_gib,
        (machine.accelerator or "", "accelerator"): machine.accelerator_count,
        ("", DISK): machine.local_disk_gb,
    }
    total = 0.0
    for (name, part), amount in amounts.items():
        price = parts.get(PartKey(region, use_spot, name, part)) if amount else 0.0
        if price is None:
            return None
        total += amount * price
    return round(total, 6)
