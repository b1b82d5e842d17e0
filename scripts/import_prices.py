"""Make the listings that ship: `python scripts/import_prices.py FILE DATE`.

FILE is a table of prices as docs/catalog.md describes it, and DATE the day on which they held, as
2026-01-31. Rewrites `skyflow/catalog/listings`.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from skyflow.catalog.listing_file import write_listings
from skyflow.catalog.loading import SHIPPED
from skyflow.catalog.machines import Listing, MachineType
from skyflow.catalog.price_table import read_prices

LOCAL_DISK_GB = {
    "aws": {
        "g4dn.xlarge": 125, "g4dn.2xlarge": 225, "g4dn.4xlarge": 225, "g4dn.8xlarge": 900,
        "g4dn.12xlarge": 900, "g4dn.16xlarge": 900, "g4dn.metal": 1800,
        "g5.xlarge": 250, "g5.2xlarge": 450, "g5.4xlarge": 600, "g5.8xlarge": 900,
        "g5.12xlarge": 3800, "g5.16xlarge": 1900, "g5.24xlarge": 3800, "g5.48xlarge": 7600,
        "g6.xlarge": 250, "g6.2xlarge": 450, "g6.4xlarge": 600, "g6.8xlarge": 900,
        "g6.12xlarge": 3760, "g6.16xlarge": 1880, "g6.24xlarge": 3760, "g6.48xlarge": 7520,
        "g6e.xlarge": 250, "g6e.2xlarge": 450, "g6e.4xlarge": 600, "g6e.8xlarge": 900,
        "g6e.12xlarge": 3800, "g6e.16xlarge": 1900, "g6e.24xlarge": 3800, "g6e.48xlarge": 7600,
        "p4d.24xlarge": 8000, "p4de.24xlarge": 8000, "p5.4xlarge": 3800, "p5.48xlarge": 30400,
        "p5en.48xlarge": 30400, "p6-b200.48xlarge": 30400, "p6-b300.48xlarge": 30400,
    },
    "gcp": {
        "a2-ultragpu-1g": 375, "a2-ultragpu-2g": 750, "a2-ultragpu-4g": 1500,
        "a2-ultragpu-8g": 3000, "a3-highgpu-1g": 750, "a3-highgpu-2g": 1500,
        "a3-highgpu-4g": 3000, "a3-highgpu-8g": 6000, "a3-megagpu-8g": 6000,
        "a3-ultragpu-8g": 12000, "a4-highgpu-8g": 12000,
    },
}  # fmt: skip
"""Disks that are part of machines, from what AWS and Google document of their types: tables of
prices seldom have them."""

OTHER_NAMES = {"a3-megagpu-8g": "H100-MEGA"}
"""Accelerators that SkyPilot tells from those of the same name: here by a faster network."""

OLDER = dict.fromkeys([("gcp", "A100"), ("gcp", "A100-80GB"), ("gcp", "H100")], "2024-01-01")
"""Prices from an older table, since the newer one mixes list prices with discounted ones."""


def main() -> None:
    """Read the table and rewrite the listings."""
    path, date = Path(sys.argv[1]), sys.argv[2]
    by_cloud: dict[str, list[Listing]] = defaultdict(list)
    for listing in merged([completed(each) for each in read_prices(path, date)]):
        by_cloud[listing.type.cloud].append(listing)
    SHIPPED.mkdir(exist_ok=True)
    for cloud, listings in by_cloud.items():
        content = write_listings(listings)
        (SHIPPED / f"{cloud}.csv").write_bytes(content)
        sys.stdout.write(f"{cloud}: {len(listings)} listings, {len(content)} bytes\n")


def completed(listing: Listing) -> Listing:
    """Return a listing with what the table does not say."""
    machine = listing.type
    date = OLDER.get((machine.cloud, machine.accelerator or ""), listing.date)
    disk = LOCAL_DISK_GB.get(machine.cloud, {}).get(machine.name, machine.local_disk_gb)
    name = OTHER_NAMES.get(machine.name, machine.accelerator)
    return listing._replace(
        type=machine._replace(accelerator=name, local_disk_gb=disk), date=min(date, listing.date)
    )


def merged(listings: list[Listing]) -> list[Listing]:
    """Return listings with all zones of a region in one where they cost the same."""
    found: dict[tuple[MachineType, str, float | None], Listing] = {}
    for listing in listings:
        key = (listing.type, listing.region, listing.price)
        before = found.get(key)
        found[key] = listing._replace(zones=before.zones + listing.zones) if before else listing
    return list(found.values())


if __name__ == "__main__":
    main()
