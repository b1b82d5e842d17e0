"""What an account of AWS is told of a region: types, zones and spot prices."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from skyflow.accelerators import accelerator_memory_gib, canonical_accelerator
from skyflow.catalog.machines import MachineType
from skyflow.clouds.aws.client import AwsApi

_MIB_PER_GIB = 1024


class RegionOffer(NamedTuple):
    """What a region sells, but for the prices on demand."""

    types: tuple[MachineType, ...]
    zones: Mapping[str, frozenset[str]]
    """Ids of the zones that have a type, by its name."""
    spot_prices: Mapping[tuple[str, str], float]
    """US dollars per hour, by type and id of the zone."""


async def fetch_region(api: AwsApi, region: str) -> RegionOffer:
    """Ask EC2 for everything that a region sells.

    Raises:
        CloudError: EC2 could not be asked.

    """
    types, places, zones, history = await asyncio.gather(
        api.collect("describe_instance_types", region, "InstanceTypes"),
        api.collect(
            "describe_instance_type_offerings",
            region,
            "InstanceTypeOfferings",
            LocationType="availability-zone-id",
        ),
        api.collect("describe_availability_zones", region, "AvailabilityZones"),
        api.collect(
            "describe_spot_price_history",
            region,
            "SpotPriceHistory",
            ProductDescriptions=["Linux/UNIX"],
            # From now on: of each type and zone only the price that holds.
            StartTime=datetime.now(UTC),
        ),
    )
    usual = {zone["ZoneName"]: zone["ZoneId"] for zone in zones if _is_usual(zone)}
    return RegionOffer(
        types=tuple(machine for each in types if (machine := machine_type(each))),
        zones=_zones(places, usual.values()),
        spot_prices=_spot_prices(history, usual),
    )


def machine_type(found: Mapping[str, Any]) -> MachineType | None:
    """Return a type as DescribeInstanceTypes describes it; None for one that is not for us.

    Those are machines without a hypervisor, which take long to start, and those of another
    processor than nearly all images, unless somebody asks for their accelerator by name.
    """
    accelerator = _accelerator(found)
    architectures = found.get("ProcessorInfo", {}).get("SupportedArchitectures", ["x86_64"])
    if found.get("BareMetal") or ("x86_64" not in architectures and not accelerator):
        return None
    name, count, memory = accelerator or (None, 0.0, None)
    return MachineType(
        cloud="aws",
        name=found["InstanceType"],
        cpus=float(found["VCpuInfo"]["DefaultVCpus"]),
        memory_gib=found["MemoryInfo"]["SizeInMiB"] / _MIB_PER_GIB,
        accelerator=name,
        accelerator_count=count,
        accelerator_memory_gib=memory,
        local_disk_gb=_local_disk_gb(found),
    )


def _is_usual(zone: Mapping[str, Any]) -> bool:
    """Return whether it is no Local Zone, which has other prices, nor a Wavelength Zone."""
    return bool(zone.get("ZoneType", "availability-zone") == "availability-zone")


def _accelerator(found: Mapping[str, Any]) -> tuple[str, float, float | None] | None:
    """Return the name, count and memory in GiB of the accelerators of a type."""
    devices = [
        *found.get("GpuInfo", {}).get("Gpus", ()),
        *found.get("NeuronInfo", {}).get("NeuronDevices", ()),
        *found.get("InferenceAcceleratorInfo", {}).get("Accelerators", ()),
    ]
    if not devices:
        return None
    device = devices[0]
    mib = device.get("MemoryInfo", {}).get("SizeInMiB")
    reported = mib / _MIB_PER_GIB if mib else None
    written = str(device["Name"])
    # The same name stands for an A100 with 40 and with 80 GB.
    with_memory = f"{written} {reported:.0f}GB" if reported else written
    known = canonical_accelerator(with_memory) or canonical_accelerator(written)
    name = known or written.replace(" ", "-")
    count = float(device["Count"]) * float(device.get("GpuPartitionSize") or 1)
    return name, count, accelerator_memory_gib(name, reported)


def _local_disk_gb(found: Mapping[str, Any]) -> float:
    storage = found.get("InstanceStorageInfo", {})
    if storage.get("NvmeSupport") not in ("required", "supported"):
        return 0
    disks = storage.get("Disks", ())
    return float(
        sum(disk["SizeInGB"] * disk.get("Count", 1) for disk in disks if disk["Type"] == "ssd")
    )


def _zones(places: Iterable[Mapping[str, Any]], usual: Iterable[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    ids = set(usual)
    for place in places:
        if place["Location"] in ids:
            found[place["InstanceType"]].add(place["Location"])
    return {name: frozenset(zones) for name, zones in found.items()}


def _spot_prices(
    history: Iterable[Mapping[str, Any]], usual: Mapping[str, str]
) -> dict[tuple[str, str], float]:
    """Return the latest price of each type and zone."""
    in_time = sorted(history, key=lambda each: each["Timestamp"])
    return {
        (each["InstanceType"], usual[each["AvailabilityZone"]]): float(each["SpotPrice"])
        for each in in_time
        if each["AvailabilityZone"] in usual
    }
