"""Images in a region: their ids, disks and processors."""

from __future__ import annotations

import time
from dataclasses import dataclass

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.image_names import architecture_of
from skyflow.errors import InvalidImage, InvalidRequest

_KEPT_SECONDS = 3600.0


@dataclass(frozen=True)
class Image:
    """An image in a region."""

    ami: str
    device: str
    """Name of the boot disk's device."""
    gib: int
    """Least size of the boot disk in GiB."""
    architecture: str


class Images:
    """Images by region; what is found is kept for an hour."""

    def __init__(self, api: AwsApi) -> None:
        self._api = api
        self._kept: dict[tuple[str, str], tuple[float, Image]] = {}

    async def find(self, region: str, source: str) -> Image:
        """Return the image of an `image_source` in a region.

        Raises:
            InvalidImage: The region has no such image.
            CloudError: It could not be looked up.

        """
        kept = self._kept.get((region, source))
        if kept and time.monotonic() < kept[0]:
            return kept[1]
        ami = source
        if source.startswith("/"):
            answer = await self._api.call("ssm", "get_parameter", region, Name=source)
            ami = answer["Parameter"]["Value"]
        image = await self._describe(region, ami)
        self._kept[region, source] = (time.monotonic() + _KEPT_SECONDS, image)
        return image

    def forget(self) -> None:
        """Look everything up anew."""
        self._kept.clear()

    async def _describe(self, region: str, ami: str) -> Image:
        found = await self._api.collect("describe_images", region, "Images", ImageIds=[ami])
        if not found:
            raise InvalidImage(f"{region} has no image {ami}", "use one of this region")
        device = found[0].get("RootDeviceName", "/dev/sda1")
        disks = {
            mapping.get("DeviceName"): mapping.get("Ebs", {}).get("VolumeSize", 0)
            for mapping in found[0].get("BlockDeviceMappings", [])
        }
        return Image(ami, device, disks.get(device, 0), found[0].get("Architecture", ""))


def check_fit(image: Image, instance_type: str, disk_gib: int) -> None:
    """Check that a machine can start from an image.

    Raises:
        InvalidRequest: It is for other processors.
        InvalidImage: It is larger than the disk.

    """
    wanted = architecture_of(instance_type)
    if image.architecture not in ("", wanted):
        raise InvalidRequest(
            f"image {image.ami} is for {image.architecture}; {instance_type} needs {wanted}",
            "use an image for these processors, or another instance type",
        )
    if image.gib > disk_gib:
        raise InvalidImage(
            f"image {image.ami} needs {image.gib} GiB; the disk has {disk_gib}",
            f"set disk_size to {image.gib} or more",
        )
