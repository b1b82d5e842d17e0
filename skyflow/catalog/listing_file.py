"""The files in which listings are kept: CSV, a row for each type of machine and region."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from skyflow.catalog.machines import Listing, MachineType, Zone, in_order
from skyflow.errors import StorageError

COLUMNS = (
    *("instance_type", "vcpus", "memory_gib"),
    *("accelerator", "accelerator_count", "accelerator_memory_gib", "local_disk_gb"),
    *("region", "price_usd_hour", "date", "zones"),
)
"""`zones` has each zone with its spot price, if there is one: `us-east-1a=0.12 us-east-1b`."""


def read_listings(path: Path, cloud: str) -> list[Listing]:
    """Return the listings of a cloud from the file that `write_listings` made.

    Raises:
        StorageError: The file is damaged or of another version.
        OSError: It cannot be read.

    """
    rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    try:
        if tuple(next(rows)) != COLUMNS:
            raise ValueError("its columns are not those of this version")
        return list(_read(rows, cloud))
    except (ValueError, IndexError, StopIteration, csv.Error) as error:
        reason = str(error) or "it is empty"
        raise StorageError(
            f"{path} cannot be understood: {reason}",
            "remove it; the prices that ship are used until `skyflow catalog refresh` has run",
        ) from None


def write_listings(listings: Iterable[Listing]) -> bytes:
    """Return the content of a file with the listings of one cloud."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(_row(listing) for listing in listings))
    return text.getvalue().encode()


def _read(rows: Iterator[list[str]], cloud: str) -> Iterator[Listing]:
    types: dict[tuple[str, ...], MachineType] = {}
    for row in rows:
        facts = tuple(row[:7])
        machine = types.get(facts)
        if machine is None:
            machine = types[facts] = _machine(cloud, facts)
        region, price, date, zones = row[7:]
        sold_in = tuple(_zone(text) for text in zones.split())
        yield Listing(machine, region, float(price) if price else None, sold_in, date)


def _machine(cloud: str, facts: Sequence[str]) -> MachineType:
    name, cpus, memory, accelerator, count, accelerator_memory, local_disk = facts
    return MachineType(
        cloud=cloud,
        name=name,
        cpus=float(cpus),
        memory_gib=float(memory),
        accelerator=accelerator or None,
        accelerator_count=float(count or 0),
        accelerator_memory_gib=float(accelerator_memory) if accelerator_memory else None,
        local_disk_gb=float(local_disk or 0),
    )


def _zone(text: str) -> Zone:
    name, _, price = text.partition("=")
    return Zone(name, float(price) if price else None)


def _row(listing: Listing) -> tuple[str, ...]:
    machine = listing.type
    return (
        machine.name,
        _number(machine.cpus),
        _number(machine.memory_gib),
        machine.accelerator or "",
        _number(machine.accelerator_count or None),
        _number(machine.accelerator_memory_gib),
        _number(machine.local_disk_gb or None),
        listing.region,
        _number(listing.price),
        listing.date,
        " ".join(_zone_text(zone) for zone in in_order(listing.zones)),
    )


def _zone_text(zone: Zone) -> str:
    return zone.name if zone.spot_price is None else f"{zone.name}={_number(zone.spot_price)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
