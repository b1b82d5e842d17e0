"""The names of images in the service YAML, and what they stand for on AWS: nothing is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

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
_NEURON = "/aws/service/neuron/dlami/base/ubuntu-24.04/latest/image_id"
"""AWS's image with the driver of Inferentia and Trainium ("Neuron DLAMI User Guide")."""
_WITH_NEURON = re.compile(r"inf2|trn\d+[a-z]*")
_NO_DRIVER = re.compile(r"g4ad|g[23]s?|p[23](dn)?|inf1|(dl|vt|f)\d+[a-z]*")
"""Families with accelerators of other makers, or older ones of NVIDIA's than its open driver
supports."""
NO_DRIVER = frozenset({"Inferentia", "K80", "M60", "V100", "V100-32GB"})
"""Accelerators that only those families have."""
_FORMS = "give ami-..., skypilot:cpu-ubuntu or skypilot:gpu-ubuntu"


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
    check_name(image)
    tag = _TAG.fullmatch(image)
    if tag is None:
        return image
    release = {"2404": "24.04"}.get(tag[2], _USUAL_RELEASE)
    return _parameter(instance_type, tag[1] == "gpu", release)


def check_name(image: str) -> None:
    """Check that the name of an image is one that AWS machines can start from.

    Raises:
        InvalidRequest: It is not.

    """
    if _AMI.fullmatch(image) or _TAG.fullmatch(image):
        return
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


def _parameter(instance_type: str, graphics: bool, release: str) -> str:
    architecture = architecture_of(instance_type)
    if not graphics:
        arch: Mapping[str, str] = {"x86_64": "amd64", "arm64": "arm64"}
        return _CANONICAL.format(release=release, arch=arch[architecture], disk=_DISKS[release])
    if _WITH_NEURON.fullmatch(_family(instance_type)):
        return _NEURON
    if _NO_DRIVER.fullmatch(_family(instance_type)):
        raise InvalidRequest(
            f"AWS has no image whose driver supports the accelerators of {instance_type}",
            "give image_id as ami-... of an image that does, or use newer accelerators",
        )
    return _DEEP_LEARNING.format(release=release, arch=architecture)


def _family(instance_type: str) -> str:
    return instance_type.partition(".")[0]
