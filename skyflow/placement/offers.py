"""What a replica needs, and what clouds offer."""

from __future__ import annotations

from pydantic import Field

from skyflow.records import Record


class BucketPrefix(Record):
    """A part of an S3 bucket that machines read and write themselves, without keys of theirs."""

    bucket: str
    prefix: str = ""
    """What the keys begin with, `/` at the end; empty for the whole bucket."""
    read_only: bool = False


class ResourceRequest(Record):
    """What each machine of a replica must have; `None` means anything will do."""

    cloud: str | None = None
    region: str | None = None
    zone: str | None = None
    instance_type: str | None = None
    cpus: float | None = None
    """Number of virtual CPUs."""
    cpus_or_more: bool = True
    memory_gib: float | None = None
    """Memory in GiB."""
    memory_or_more: bool = True
    accelerator: str | None = None
    """Canonical accelerator name, such as `A100-80GB`."""
    accelerator_count: float = 0
    accelerator_memory_gib: float | None = None
    """Memory of each accelerator in GiB, for a request that names memory and no accelerator."""
    accelerator_memory_or_more: bool = False
    accelerator_maker: str | None = None
    """Maker, such as `nvidia`, that a request by memory may name."""
    use_spot: bool = False
    max_hourly_price: float | None = None
    """Most that a machine may cost, in US dollars per hour."""
    disk_gib: int = 256
    """Size of the boot disk in GiB."""
    disk_tier: str | None = None
    """Speed of the boot disk: `low`, `medium`, `high`, `ultra` or `best`."""
    network_tier: str | None = None
    """Speed of the network: `standard` or `best`."""
    local_disk: str | None = None
    """Disks that are part of the machine, such as `nvme:300+`."""
    images: tuple[tuple[str, str], ...] = ()
    """Image by region; an empty region stands for any."""
    labels: tuple[tuple[str, str], ...] = ()
    """Labels of the machines at their cloud."""
    buckets: tuple[BucketPrefix, ...] = ()
    """What the machines mount."""

    def image(self, region: str) -> str | None:
        """Return the image to start in a region; None for the cloud's usual one."""
        images = dict(self.images)
        return images.get(region, images.get(""))


class Place(Record):
    """Where a machine is and how it is bought."""

    cloud: str
    region: str
    zone: str
    instance_type: str
    use_spot: bool = False

    def __str__(self) -> str:
        parts = [self.cloud, *(part for part in (self.region, self.zone) if part)]
        return "/".join(parts) + (" [spot]" if self.use_spot else "")


class Offer(Record):
    """A machine type at a place, with its price."""

    place: Place
    hourly_price: float = Field(ge=0)
    """US dollars per machine and hour."""
    cpus: float
    memory_gib: float
    accelerator: str | None = None
    accelerator_count: float = 0
    accelerator_memory_gib: float | None = None
    """Memory of each accelerator in GiB."""
    local_disk_gib: float = 0
    """Size of all disks that are part of the machine, in GiB."""
    preference: int = 0
    """Lower is tried first, whatever it costs."""
    request: int = 0
    """Position, among the requests that were asked for, of the one that it meets."""


class Refusal(Record):
    """A cloud's refusal to start a machine at a place."""

    place: Place
    kind: str
    """Name of the error class: `NoCapacity`, `QuotaExceeded`, `CredentialsError` ..."""
    message: str
    until: float
    """Time (Unix, seconds) until which what it speaks for is avoided."""
    times: int = 1
    """How often it was refused, each time when it was tried again."""
