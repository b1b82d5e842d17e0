"""Images that everybody may start, and the public parameters of SSM that name them.

Names are those that their makers publish: Canonical for Ubuntu, Amazon for those with drivers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CANONICAL, _AMAZON = "099720109477", "898082745236"


@dataclass(frozen=True)
class Image:
    """A public image."""

    parameter: str
    name: str
    owner: str
    architecture: str

    @property
    def image_id(self) -> str:
        return "ami-" + hashlib.sha256(self.parameter.encode()).hexdigest()[:17]


def _images() -> Iterator[Image]:
    for release, volumes in (("20.04", "gp2"), ("22.04", "gp2"), ("24.04", "gp3")):
        for architecture in ("amd64", "arm64"):
            place = f"{release}/stable/current/{architecture}/hvm/ebs-{volumes}/ami-id"
            yield Image(
                f"/aws/service/canonical/ubuntu/server/{place}",
                f"ubuntu/images/hvm-ssd/ubuntu-{release}-{architecture}-server-20261101",
                _CANONICAL,
                "x86_64" if architecture == "amd64" else "arm64",
            )
    for release in ("22.04", "24.04"):
        for architecture in ("x86_64", "arm64"):
            kind = f"base-oss-nvidia-driver-gpu-ubuntu-{release}"
            yield Image(
                f"/aws/service/deeplearning/ami/{architecture}/{kind}/latest/ami-id",
                f"Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu {release}) 20261101",
                _AMAZON,
                architecture,
            )


IMAGES = tuple(_images())
PARAMETERS = {image.parameter: image.image_id for image in IMAGES}


def write_images(path: Path) -> None:
    """Write the images in the form in which moto reads those that it has from the start."""
    path.write_text(json.dumps([_entry(image) for image in IMAGES]))


def _entry(image: Image) -> dict[str, object]:
    return {
        "ami_id": image.image_id,
        "name": image.name,
        "owner_id": image.owner,
        "architecture": image.architecture,
        "creation_date": "2026-11-01T00:00:00.000Z",
        "description": image.name,
        "hypervisor": "xen",
        "image_location": f"amazon/{image.name}",
        "image_type": "machine",
        "public": True,
        "root_device_name": "/dev/sda1",
        "root_device_type": "ebs",
        "sriov": "simple",
        "state": "available",
        "virtualization_type": "hvm",
    }
