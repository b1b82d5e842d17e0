"""The boot disk of a machine as a volume of EBS."""

from __future__ import annotations

from typing import Any

from skyflow.errors import InvalidRequest

_GP3 = {"VolumeType": "gp3", "Iops": 3000, "Throughput": 125}
"""What gp3 has at no extra price ("Amazon EBS volume types")."""
_TIERS: dict[str, dict[str, Any]] = {
    "low": _GP3,
    "medium": {"VolumeType": "gp3", "Iops": 3500, "Throughput": 218},
    "high": {"VolumeType": "gp3", "Iops": 7000, "Throughput": 437},
    "ultra": {"VolumeType": "io2", "Iops": 20000},
}
"""Operations per second and MiB/s by tier: those that SkyPilot gives them on AWS, but for `low`,
which there is a magnetic disk."""
_TIERS["best"] = _TIERS["high"]
_MOST_IOPS_PER_GIB = 500
"""Of gp3, and of io2 on instances of any kind."""


def boot_disk(device: str, gib: int, tier: str | None) -> dict[str, Any]:
    """Return the block device mapping of a boot disk, which ends with its machine.

    Raises:
        InvalidRequest: There is no such tier.

    """
    if tier is not None and tier not in _TIERS:
        raise InvalidRequest(f"disk_tier {tier!r} is unknown", f"use one of: {', '.join(_TIERS)}")
    volume = dict(_TIERS[tier] if tier else _GP3)
    # Volumes of less than 6 GiB get the 3000 that every gp3 has.
    volume["Iops"] = min(volume["Iops"], max(3000, gib * _MOST_IOPS_PER_GIB))
    ebs = {"VolumeSize": gib, "DeleteOnTermination": True, **volume}
    return {"DeviceName": device, "Ebs": ebs}
