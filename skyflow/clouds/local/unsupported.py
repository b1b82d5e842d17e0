"""What machines of this computer cannot have, whatever is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from skyflow.clouds.base import MOUNTS, NO_MOUNTS
from skyflow.placement.offers import ResourceRequest


def unsupported_keys(request: ResourceRequest) -> Mapping[str, str]:
    """Return the keys that ask for it, each with why it cannot be had."""
    accelerated = request.accelerator is not None or request.accelerator_memory_gib is not None
    asked = (
        ("accelerators", accelerated, "local machines have no accelerators"),
        ("image_id", bool(request.images), "local machines start from this computer, not an image"),
        ("disk_tier", request.disk_tier is not None, "local machines use this computer's disk"),
        ("local_disk", request.local_disk is not None, "local machines use this computer's disk"),
        (
            "network_tier",
            request.network_tier == "best",
            "local machines use this computer's network",
        ),
        ("labels", bool(request.labels), "nothing keeps labels of local machines"),
        (MOUNTS, bool(request.buckets), NO_MOUNTS),
    )
    return {key: why for key, wanted, why in asked if wanted}
