"""One set of requirements for a machine."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, ValidationInfo, field_validator

from skyflow.placement.local_disk import parse_local_disk
from skyflow.spec.accelerators import Accelerators
from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.infra import INFRA_FORMS, Location, canonical_cloud, parse_infra, part_or_any
from skyflow.spec.marks import NO_EFFECT, NOT_YET
from skyflow.spec.ports import Ports
from skyflow.spec.quantities import Cpus, DiskSize, Memory
from skyflow.spec.section import Section

_IMAGE_FORMS = (
    "an image such as docker:vllm/vllm-openai or ami-0123, or a mapping of regions to them"
)
_LOCAL_DISK_FORMS = "a kind and a size in GB such as nvme:300+, or one of the two: ssd, 300+"


def read_tier(value: Any) -> Any:
    """Return the name of a tier as skyflow writes it: in small letters."""
    return value.lower() if isinstance(value, str) else value


def read_local_disk(value: Any) -> str:
    """Return what `local_disk` asks for, as it is written."""
    if not isinstance(value, str) or parse_local_disk(value) is None:
        raise allowed(_LOCAL_DISK_FORMS)
    return value.strip()


def read_image(value: Any) -> str | dict[str, str]:
    """Return either form of `image_id`."""
    if isinstance(value, str):
        return _image(value)
    if not isinstance(value, dict) or not value:
        raise allowed(_IMAGE_FORMS)
    faults = [
        Fault(_IMAGE_FORMS, (region,), shows_found=True)
        for region, image in value.items()
        if not isinstance(image, str) or not _is_name(image)
    ]
    if faults:
        raise refused(faults)
    return {str(region): image for region, image in value.items()}


Image: TypeAlias = Annotated[
    str | dict[str, str],
    BeforeValidator(read_image, json_schema_input_type=str | dict[str, str]),
]
"""An image, or one for each region."""
DiskTier: TypeAlias = Annotated[
    Literal["low", "medium", "high", "ultra", "best", "none"],
    BeforeValidator(read_tier),
]
"""Speed of a disk, in any case."""
LocalDisk: TypeAlias = Annotated[str, BeforeValidator(read_local_disk, json_schema_input_type=str)]
"""Disks that are part of a machine."""
NetworkTier: TypeAlias = Annotated[Literal["standard", "best"], BeforeValidator(read_tier)]
"""Speed of the network, in any case."""
Ignored: TypeAlias = Annotated[JsonValue, NO_EFFECT]
"""Anything."""


class Alternative(Section):
    """One set of requirements."""

    cloud: str | None = None
    """Name of the cloud."""
    region: str | None = None
    """Name of the region, as the cloud writes it."""
    zone: str | None = None
    """Name of the zone, as the cloud writes it."""
    infra: str | None = None
    """Cloud, region and zone in one: `aws/us-east-1`; `*` is any part."""
    accelerators: Accelerators | None = None
    """Accelerators that would do."""
    accelerator_args: Annotated[dict[str, JsonValue] | None, NOT_YET] = None
    """Settings of TPUs, such as `runtime_version`."""
    cpus: Cpus | None = None
    """CPUs of a machine: `4`, or `4+` for at least 4."""
    memory: Memory | None = None
    """Memory of a machine in GiB: `16`, `16GB`, or `16+` for at least 16."""
    instance_type: str | None = None
    """The cloud's name of the machine type."""
    use_spot: bool | None = None
    """Whether machines are bought on the spot market."""
    max_hourly_cost: Annotated[float, Field(gt=0)] | None = None
    """Most that a machine may cost, in US dollars per hour."""
    disk_size: DiskSize | None = None
    """Boot disk in GiB."""
    disk_tier: DiskTier | None = None
    """Speed of the boot disk."""
    local_disk: LocalDisk | None = None
    """Disks that are part of the machine, such as `nvme:300+`."""
    network_tier: NetworkTier | None = None
    """Speed of the network."""
    ports: Ports | None = None
    """Ports that the service listens on."""
    image_id: Image | None = None
    """Image of the machine, or `docker:IMAGE` for a container in which scripts run."""
    labels: dict[str, str] | None = None
    """Labels of the machines at their cloud."""
    volumes: Annotated[tuple[JsonValue, ...] | None, NOT_YET] = None
    """Further disks."""
    autostop: Ignored = None
    """Stopping of idle machines; the number of replicas decides that."""
    priority: Ignored = None
    """Order of jobs in a queue."""
    priority_class: Ignored = None
    """Order of jobs in a queue."""
    job_recovery: Ignored = None
    """Recovery of jobs; replicas are always replaced."""
    spot_recovery: Ignored = None
    """Older name of `job_recovery`."""

    @property
    def location(self) -> Location:
        """Where the machines may be."""
        if self.infra is not None:
            return parse_infra(self.infra)
        cloud = canonical_cloud(self.cloud) if self.cloud is not None else None
        region = part_or_any(self.region) if self.region is not None else None
        zone = part_or_any(self.zone) if self.zone is not None else None
        return Location(cloud, region, zone)

    @field_validator("infra")
    @classmethod
    def _check_infra(cls, infra: str | None, info: ValidationInfo) -> str | None:
        if infra is None:
            return infra
        beside = [key for key in ("cloud", "region", "zone") if info.data.get(key) is not None]
        if beside:
            raise wrong(f"is given beside `{'`, `'.join(beside)}`; allowed: one of the two forms")
        try:
            parse_infra(infra)
        except ValueError:
            raise allowed(INFRA_FORMS) from None
        return infra

    @field_validator("instance_type", "cloud", "region", "zone")
    @classmethod
    def _check_name(cls, name: str | None) -> str | None:
        if name is not None and not _is_name(name):
            raise allowed("a name without blanks")
        return name

    @field_validator("volumes", mode="before")
    @classmethod
    def _read_volumes(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise allowed("a list of disks")
        return tuple(value)


def _image(value: str) -> str:
    if not _is_name(value):
        raise allowed(_IMAGE_FORMS)
    return value


def _is_name(text: str) -> bool:
    return bool(text.strip()) and not any(mark.isspace() for mark in text.strip())
