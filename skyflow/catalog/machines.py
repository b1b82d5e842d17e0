"""What clouds sell: types of machines, and what each costs where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_GIB_PER_GB = 1e9 / 2**30


class MachineType(NamedTuple):
    """A type of machine of a cloud."""

    cloud: str
    name: str
    cpus: float
    memory_gib: float
    accelerator: str | None = None
    accelerator_count: float = 0
    accelerator_memory_gib: float | None = None
    """Memory of each accelerator in GiB."""
    local_disk_gb: float = 0
    """Size of all NVMe disks that are part of the machine, in GB as clouds count them."""

    @property
    def local_disk_gib(self) -> float:
        """Size of all NVMe disks that are part of the machine, in GiB."""
        return self.local_disk_gb * _GIB_PER_GB


class Zone(NamedTuple):
    """A zone that sells a type of machine."""

    name: str
    spot_price: float | None = None
    """US dollars per machine and hour; None where it is not sold as spot."""


def in_order(zones: Iterable[Zone]) -> tuple[Zone, ...]:
    """Return zones with the cheapest as spot first, those without spot machines at the end."""
    return tuple(sorted(zones, key=lambda zone: (zone.spot_price is None, zone[::-1])))


class Listing(NamedTuple):
    """A type of machine in the zones of a region where it costs the same on demand."""

    type: MachineType
    region: str
    price: float | None
    """US dollars per machine and hour; None where it is sold as spot only."""
    zones: tuple[Zone, ...]
    """At least one; the cheapest as spot comes first (`in_order`)."""
    date: str
    """Day on which the prices held, as `2026-01-31`; that they did not change since is unsaid."""


@dataclass(frozen=True)
class Catalog:
    """All listings of some clouds, by type of machine."""

    by_type: Mapping[MachineType, Sequence[Listing]]

    @staticmethod
    def of(listings: Iterable[Listing]) -> Catalog:
        """Return the catalogue of some listings."""
        by_type: dict[MachineType, list[Listing]] = {}
        for listing in listings:
            by_type.setdefault(listing.type, []).append(listing)
        return Catalog(by_type)

    def listings(self) -> Iterator[Listing]:
        """Yield every listing."""
        for found in self.by_type.values():
            yield from found
