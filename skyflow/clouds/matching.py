"""Whether an offer is what was asked for."""

from __future__ import annotations

from typing import Protocol

from skyflow.accelerators import accelerator_maker
from skyflow.placement.local_disk import parse_local_disk
from skyflow.placement.offers import Offer, ResourceRequest

_GB_PER_GIB = 2**30 / 1e9
_SAME_SIZE_GB = 1.0
"""How far sizes of disks may differ and be the same, in GB; SkyPilot's."""


class Hardware(Protocol):
    """What a machine has, wherever it is and whatever it costs."""

    @property
    def cpus(self) -> float: ...  # noqa: D102
    @property
    def memory_gib(self) -> float: ...  # noqa: D102
    @property
    def accelerator(self) -> str | None: ...  # noqa: D102
    @property
    def accelerator_count(self) -> float: ...  # noqa: D102
    @property
    def accelerator_memory_gib(self) -> float | None: ...  # noqa: D102
    @property
    def local_disk_gib(self) -> float: ...  # noqa: D102


def meets(offer: Offer, request: ResourceRequest) -> bool:
    """Return whether a machine of an offer has all that a request names."""
    place = offer.place
    named = (
        (request.cloud, place.cloud),
        (request.region, place.region),
        (request.zone, place.zone),
        (request.instance_type, place.instance_type),
    )
    return (
        all(wanted in (None, found) for wanted, found in named)
        and request.use_spot == place.use_spot
        and (request.max_hourly_price is None or offer.hourly_price <= request.max_hourly_price)
        and has_hardware(offer, request)
    )


def has_hardware(machine: Hardware, request: ResourceRequest) -> bool:
    """Return whether a machine has the CPUs, memory, accelerators and disks of a request."""
    return (
        _enough(request.cpus, machine.cpus, request.cpus_or_more)
        and _enough(request.memory_gib, machine.memory_gib, request.memory_or_more)
        and _accelerated(machine, request)
        and _has_disk(machine, request.local_disk)
    )


def _enough(wanted: float | None, found: float, or_more: bool) -> bool:
    return wanted is None or found == wanted or (or_more and found > wanted)


def _accelerated(machine: Hardware, request: ResourceRequest) -> bool:
    """Return whether the accelerators are those of a request, which may name their memory only."""
    by_memory = request.accelerator_memory_gib is not None
    if request.accelerator is None and not by_memory:
        return True
    if machine.accelerator is None or machine.accelerator_count != request.accelerator_count:
        return False
    maker = request.accelerator_maker
    return (
        request.accelerator in (None, machine.accelerator)
        and maker in (None, accelerator_maker(machine.accelerator))
        and _enough(
            request.accelerator_memory_gib,
            machine.accelerator_memory_gib or 0,
            request.accelerator_memory_or_more,
        )
    )


def _has_disk(machine: Hardware, wanted: str | None) -> bool:
    """Return whether a machine has the disks of a request: all that offers name are NVMe."""
    if wanted is None:
        return True
    disk = parse_local_disk(wanted)
    if disk is None:
        return False
    found = machine.local_disk_gib * _GB_PER_GIB
    if disk.or_more:
        return found >= disk.size_gb - _SAME_SIZE_GB
    return abs(found - disk.size_gb) < _SAME_SIZE_GB
