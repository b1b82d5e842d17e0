"""The `resources` section: what each machine of a replica must have."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, ValidationInfo, field_validator

from skyflow.spec.accelerators import Accelerators, read_accelerators
from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.infra import INFRA_FORMS, Location, canonical_cloud, parse_infra, part_or_any
from skyflow.spec.ports import PortList, read_ports
from skyflow.spec.quantities import read_cpus, read_disk_size, read_memory
from skyflow.spec.section import Section

MAX_ALTERNATIVES = 100
"""Most entries of `any_of` or `ordered`."""

Cpus: TypeAlias = Annotated[str, BeforeValidator(read_cpus)]
"""A number of CPUs: `4`, or `4+` for at least 4."""
Memory: TypeAlias = Annotated[str, BeforeValidator(read_memory)]
"""Memory in GiB: `16`, or `16+` for at least 16."""
DiskSize: TypeAlias = Annotated[int, BeforeValidator(read_disk_size)]
"""Size of a disk in GiB."""


class Alternative(Section):
    """One set of requirements."""

    not_supported_yet: ClassVar = frozenset(
        {
            "image_id",
            "network_tier",
            "local_disk",
            "max_hourly_cost",
            "labels",
            "priority",
            "autostop",
            "accelerator_args",
            "job_recovery",
            "spot_recovery",
            "volumes",
        }
    )

    cloud: str | None = None
    """Name of the cloud."""
    region: str | None = None
    """Name of the region, as the cloud writes it."""
    zone: str | None = None
    """Name of the zone, as the cloud writes it."""
    infra: str | None = None
    """Cloud, region and zone in one: `aws/us-east-1`."""
    accelerators: Annotated[Accelerators, BeforeValidator(read_accelerators)] | None = None
    """Accelerators that would do."""
    cpus: Cpus | None = None
    """CPUs of a machine."""
    memory: Memory | None = None
    """Memory of a machine in GiB."""
    disk_size: DiskSize | None = None
    """Boot disk in GiB."""
    disk_tier: Literal["low", "medium", "high", "ultra", "best", "none"] | None = None
    """Speed of the boot disk."""
    ports: Annotated[PortList, BeforeValidator(read_ports)] | None = None
    """Ports that the service listens on."""
    use_spot: bool | None = None
    """Whether machines are bought on the spot market."""
    instance_type: str | None = None
    """The cloud's name of the machine type."""

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
        if name is not None and (not name.strip() or any(mark.isspace() for mark in name.strip())):
            raise allowed("a name without blanks")
        return name


class Resources(Alternative):
    """Requirements that all alternatives share, and the alternatives."""

    any_of: tuple[Alternative, ...] | None = None
    """Alternatives of equal worth."""
    ordered: tuple[Alternative, ...] | None = None
    """Alternatives in order of preference."""

    @property
    def in_order(self) -> bool:
        """Whether candidates come in order of preference."""
        return self.ordered is not None or isinstance(self.accelerators, tuple)

    def candidates(self) -> tuple[Alternative, ...]:
        """Return each alternative with what it shares with the others."""
        alternatives = self.any_of or self.ordered
        if alternatives is None:
            return (_without_alternatives(self),)
        return tuple(_merge(self, alternative) for alternative in alternatives)

    @field_validator("any_of", "ordered", mode="before")
    @classmethod
    def _read_alternatives(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise allowed("a list of resources")
        if not 1 <= len(value) <= MAX_ALTERNATIVES:
            raise wrong(f"found {len(value)} entries; allowed: 1 to {MAX_ALTERNATIVES}")
        return tuple(value)

    @field_validator("any_of", "ordered")
    @classmethod
    def _check_single_accelerators(
        cls, value: tuple[Alternative, ...] | None
    ) -> tuple[Alternative, ...] | None:
        faults = [
            Fault("names several accelerators; allowed: one in an entry", (at, "accelerators"))
            for at, entry in enumerate(value or ())
            if entry.accelerators is not None and len(entry.accelerators) > 1
        ]
        if faults:
            raise refused(faults)
        return value

    @field_validator("any_of")
    @classmethod
    def _check_any_of(
        cls, value: tuple[Alternative, ...] | None, info: ValidationInfo
    ) -> tuple[Alternative, ...] | None:
        if value is not None and isinstance(info.data.get("accelerators"), tuple):
            raise wrong("is given beside a list of accelerators; allowed: one of the two")
        return value

    @field_validator("ordered")
    @classmethod
    def _check_ordered(
        cls, value: tuple[Alternative, ...] | None, info: ValidationInfo
    ) -> tuple[Alternative, ...] | None:
        if value is None:
            return value
        if info.data.get("any_of") is not None:
            raise wrong("is given beside `any_of`; allowed: one of the two")
        if len(info.data.get("accelerators") or ()) > 1:
            raise wrong("is given beside several accelerators; allowed: one of the two")
        return value


def _without_alternatives(resources: Resources) -> Alternative:
    return Alternative.model_construct(
        **{key: getattr(resources, key) for key in Alternative.model_fields}
    )


def _merge(base: Resources, entry: Alternative) -> Alternative:
    values = {
        key: getattr(base, key) if getattr(entry, key) is None else getattr(entry, key)
        for key in Alternative.model_fields
    }
    own, shared = entry.location, base.location
    if entry.infra is not None:
        location = own
    else:
        location = Location(
            own.cloud if entry.cloud is not None else shared.cloud,
            own.region if entry.region is not None else shared.region,
            own.zone if entry.zone is not None else shared.zone,
        )
    values |= {"infra": None, "cloud": location.cloud}
    values |= {"region": location.region, "zone": location.zone}
    return Alternative.model_construct(**values)
