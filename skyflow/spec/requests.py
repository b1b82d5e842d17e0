"""Turn the `resources` section into requests that placement can match with offers."""

from __future__ import annotations

from skyflow.placement.offers import ResourceRequest
from skyflow.spec.accelerators import Accelerator, parse_accelerators
from skyflow.spec.alternative import Alternative
from skyflow.spec.quantities import parse_amount
from skyflow.spec.resources import Resources

_DEFAULT_DISK_GIB = 256
"""Size of the boot disk in GiB if none is asked for; SkyPilot's."""


def resource_requests(resources: Resources) -> tuple[ResourceRequest, ...]:
    """Return one request for each alternative and accelerator, in order, without repetition."""
    requests = [
        _request(candidate, accelerator)
        for candidate in resources.candidates()
        for accelerator in parse_accelerators(candidate.accelerators) or (None,)
    ]
    return tuple(dict.fromkeys(requests))


def _request(candidate: Alternative, accelerator: Accelerator | None) -> ResourceRequest:
    cpus, cpus_or_more = _amount(candidate.cpus)
    memory, memory_or_more = _amount(candidate.memory)
    return ResourceRequest(
        cloud=candidate.location.cloud,
        region=candidate.location.region,
        zone=candidate.location.zone,
        instance_type=candidate.instance_type,
        cpus=cpus,
        cpus_or_more=cpus_or_more,
        memory_gib=memory,
        memory_or_more=memory_or_more,
        accelerator=accelerator.name if accelerator else None,
        accelerator_count=accelerator.count if accelerator else 0,
        accelerator_memory_gib=accelerator.memory_gib if accelerator else None,
        accelerator_memory_or_more=bool(accelerator and accelerator.memory_or_more),
        accelerator_maker=accelerator.maker if accelerator else None,
        use_spot=bool(candidate.use_spot),
        max_hourly_price=candidate.max_hourly_cost,
        disk_gib=candidate.disk_size or _DEFAULT_DISK_GIB,
        disk_tier=candidate.disk_tier if candidate.disk_tier != "none" else None,
        network_tier=candidate.network_tier,
        local_disk=candidate.local_disk,
        images=_images(candidate.image_id),
        labels=tuple(sorted((candidate.labels or {}).items())),
    )


def _images(image: str | dict[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Return each region and its image; an empty region stands for any."""
    if image is None:
        return ()
    return (("", image),) if isinstance(image, str) else tuple(image.items())


def _amount(text: str | None) -> tuple[float | None, bool]:
    return (None, True) if text is None else parse_amount(text)
