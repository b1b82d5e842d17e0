"""How long it takes to find offers in a catalogue: `python benchmarks/offers.py [OFFERS] [ROUNDS]`.

Prints, for several requests, the median and the greatest time of the rounds in milliseconds of
this process's CPU time, which other load on the computer does not change much. The catalogue is
made up: as many types as it takes, each in 33 regions of three zones, every third with
accelerators. Its listings are also written to a file and read again.
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from skyflow.accelerators import KNOWN_ACCELERATORS
from skyflow.catalog import Catalog, Listing, MachineType, Zone, offers, search
from skyflow.catalog.listing_file import read_listings, write_listings
from skyflow.catalog.machines import in_order
from skyflow.placement.offers import ResourceRequest

REGIONS, ZONES = 33, 3
MOST = 1000
"""Offers that placement asks for at most; a request for CPUs alone is met by nearly all."""

REQUESTS = {
    "A100:8": ResourceRequest(accelerator="A100", accelerator_count=8),
    "L4:1 as spot in a region": ResourceRequest(
        accelerator="L4", accelerator_count=1, use_spot=True, region="region-7"
    ),
    "nvidia:80GB+:8": ResourceRequest(
        accelerator_memory_gib=80,
        accelerator_memory_or_more=True,
        accelerator_maker="nvidia",
        accelerator_count=8,
    ),
    "a type": ResourceRequest(instance_type="type-100"),
    "4+ CPUs, 16+ GiB": ResourceRequest(cpus=4, memory_gib=16),
    "nothing named": ResourceRequest(),
}


def listings(count: int) -> Iterator[Listing]:
    """Yield listings with so many offers, the same each time."""
    draw = random.Random(7)
    names = list(KNOWN_ACCELERATORS)
    for at in range(-(-count // (REGIONS * ZONES))):
        name = draw.choice(names) if at % 3 == 0 else None
        cpus = draw.choice((2, 4, 8, 16, 32, 64, 96, 128))
        machine = MachineType(
            cloud="aws",
            name=f"type-{at}",
            cpus=cpus,
            memory_gib=cpus * draw.choice((2, 4, 8)),
            accelerator=name,
            accelerator_count=draw.choice((1, 4, 8)) if name else 0,
            accelerator_memory_gib=KNOWN_ACCELERATORS[name].memory_gib if name else None,
        )
        for region in range(REGIONS):
            price = round(cpus * draw.uniform(0.04, 0.08) + 2 * machine.accelerator_count, 4)
            zones = (
                Zone(f"region-{region}-{zone}", round(price * draw.uniform(0.2, 0.9), 4))
                for zone in "abc"
            )
            yield Listing(machine, f"region-{region}", price, in_order(zones), "2026-01-31")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    made = list(listings(count))
    catalog = Catalog.of(made)
    gc.freeze()  # as whoever loads a catalogue does
    sold = sum(len(listing.zones) for listing in made)
    print(f"{sold} offers in {len(made)} listings of {len(catalog.by_type)} types")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "aws.csv"
        path.write_bytes(write_listings(made))
        report("read from a file", lambda: Catalog.of(read_listings(path, "aws")), 5, sold)
    for name, request in REQUESTS.items():
        report(f"offers: {name}", partial(offers, catalog, request, MOST), rounds, sold)
    report("listings: nothing named", lambda: search(catalog, ResourceRequest()), rounds, sold)


def report(name: str, action: Callable[[], object], rounds: int, sold: int) -> None:
    times = [measure(action) for _ in range(rounds)]
    median = statistics.median(times)
    print(f"{name:32} median {median:6.1f} ms, most {max(times):6.1f} ms", end="")
    print(f", {sold / median / 1000:6.1f} million offers/s")


def measure(action: Callable[[], object]) -> float:
    """Return the CPU time of one call in milliseconds."""
    started = time.process_time()
    action()
    return (time.process_time() - started) * 1000


if __name__ == "__main__":
    main()
