"""Which image a machine starts from."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from skyflow.clouds.aws.client import AwsApi
from skyflow.errors import InvalidRequest

Architecture = Literal["x86_64", "arm64"]

_CANONICAL = (
    "/aws/service/canonical/ubuntu/server/{release}/stable/current/{arch}/hvm/{disk}/ami-id"
)
"""Canonical's images of Ubuntu ("Find Ubuntu images with the AWS SSM Parameter Store")."""
_DEEP_LEARNING = (
    "/aws/service/deeplearning/ami/{arch}/base-oss-nvidia-driver-gpu-ubuntu-{release}/latest/ami-id"
)
"""AWS's images with NVIDIA's driver, Docker and NVIDIA's container toolkit ("AWS Deep Learning
Base GPU AMI")."""
_USUAL_RELEASE = "22.04"
_DISKS = {"22.04": "ebs-gp2", "24.04": "ebs-gp3"}
_TAG = re.compile(r"skypilot:(?:custom-)?(cpu|gpu)-ubuntu(?:-(2204|2404))?")
_AMI = re.compile(r"ami-[0-9a-f]{8,17}")
_GRAVITON = re.compile(r"a1|[a-z]+\d+[a-z]*g[a-z]*(-.*)?|p6e-gb\d+")
"""Families with processors of ARM's kind: a `g` after the generation ("Amazon EC2 instance type
naming conventions"), the first Graviton, and NVIDIA's Grace."""
_NO_DRIVER = re.compile(r"g4ad|p[23](dn)?|g[23]s?|(inf|trn|dl|vt|f)\d+[a-z]*")
"""Families whose accelerators are not NVIDIA's, or older than its open driver supports."""
_FORMS = "give ami-..., skypilot:cpu-ubuntu or skypilot:gpu-ubuntu"
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
            InvalidRequest: The region has no such image.
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
            raise InvalidRequest(f"{region} has no image {ami}", "use one of this region")
        device = found[0].get("RootDeviceName", "/dev/sda1")
        disks = {
            mapping.get("DeviceName"): mapping.get("Ebs", {}).get("VolumeSize", 0)
            for mapping in found[0].get("BlockDeviceMappings", [])
        }
        return Image(ami, device, disks.get(device, 0), found[0].get("Architecture", ""))


def image_source(image: str | None, instance_type: str, accelerators: bool) -> str:
    """Return the id of an image, or the parameter of Systems Manager that holds it.

    Args:
        image: Image as the service YAML names it; None for the usual one.
        instance_type: Type of the machine.
        accelerators: Whether the machine has accelerators.

    Raises:
        InvalidRequest: There is no such image for this type.

    """
    if image is None:
        return _parameter(instance_type, accelerators, _USUAL_RELEASE)
    if _AMI.fullmatch(image):
        return image
    if tag := _TAG.fullmatch(image):
        release = {"2404": "24.04"}.get(tag[2], _USUAL_RELEASE)
        return _parameter(instance_type, tag[1] == "gpu", release)
    if image.startswith("docker:"):
        raise InvalidRequest(
            f"image_id {image}: scripts cannot be run inside a container yet",
            "remove image_id and start the container in `run`: `docker run --gpus all --network "
            f"host {image.removeprefix('docker:')} ...`",
        )
    raise InvalidRequest(f"image_id {image!r} is not known on AWS", _FORMS)


def architecture_of(instance_type: str) -> Architecture:
    """Return what kind of processors an instance type has, by its name."""
    return "arm64" if _GRAVITON.fullmatch(_family(instance_type)) else "x86_64"


def check_fit(image: Image, instance_type: str, disk_gib: int) -> None:
    """Check that a machine can start from an image.

    Raises:
        InvalidRequest: It is for other processors, or larger than the disk.

    """
    wanted = architecture_of(instance_type)
    if image.architecture not in ("", wanted):
        raise InvalidRequest(
            f"image {image.ami} is for {image.architecture}; {instance_type} needs {wanted}",
            "use an image for these processors, or another instance type",
        )
    if image.gib > disk_gib:
        raise InvalidRequest(
            f"image {image.ami} needs {image.gib} GiB; the disk has {disk_gib}",
            f"set disk_size to {image.gib} or more",
        )


def _parameter(instance_type: str, graphics: bool, release: str) -> str:
    architecture = architecture_of(instance_type)
    if not graphics:
        arch: Mapping[str, str] = {"x86_64": "amd64", "arm64": "arm64"}
        return _CANONICAL.format(release=release, arch=arch[architecture], disk=_DISKS[release])
    if _NO_DRIVER.fullmatch(_family(instance_type)):
        raise InvalidRequest(
            f"AWS has no image whose driver supports the accelerators of {instance_type}",
            "give image_id as ami-... of an image that does, or use newer accelerators",
        )
    return _DEEP_LEARNING.format(release=release, arch=architecture)


def _family(instance_type: str) -> str:
    return instance_type.partition(".")[0]
