"""Disks that are part of a machine, as a request names them."""

from __future__ import annotations

import re
from typing import NamedTuple

LEAST_LOCAL_DISK_GB = 100.0
"""Size in GB that is meant where only a kind is named; SkyPilot's."""

_FORM = re.compile(r"(?:(nvme|ssd)(?::(?=\d)|$))?(?:(\d{1,9}(?:\.\d{1,3})?)(\+?))?", re.IGNORECASE)


class LocalDisk(NamedTuple):
    """What a machine's own disks must have together."""

    kind: str
    """`nvme`, or `ssd`, for which NVMe disks do as well."""
    size_gb: float
    or_more: bool


def parse_local_disk(text: str) -> LocalDisk | None:
    """Return what is asked for by `nvme:300+`, `ssd:500`, `nvme` or `300+`; None if it is neither.

    A kind alone means 100 GB or more of it, a size alone is of NVMe disks.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None or not any(match.group(1, 2)):
        return None
    kind = (match[1] or "nvme").lower()
    if match[2] is None:
        return LocalDisk(kind, LEAST_LOCAL_DISK_GB, or_more=True)
    size = float(match[2])
    return LocalDisk(kind, size, or_more=bool(match[3])) if size > 0 else None
