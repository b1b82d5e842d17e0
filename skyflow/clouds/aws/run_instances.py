"""What RunInstances is asked for: a pure function of what the machine should be."""

from __future__ import annotations

import re
from typing import Any

from skyflow.clouds.aws.disks import boot_disk
from skyflow.clouds.aws.images import Image
from skyflow.clouds.aws.network import Subnet
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.clouds.aws.tags import label_problem, tag_specifications
from skyflow.clouds.aws.user_data import user_data
from skyflow.clouds.base import MachineKeys, MachineRequest
from skyflow.errors import InvalidRequest

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_HOPS = 2
"""How far answers of the metadata service travel: into a container on the machine."""
_METADATA = {
    "HttpTokens": "required",
    "HttpEndpoint": "enabled",
    "HttpPutResponseHopLimit": _HOPS,
}
_SPOT = {
    "MarketType": "spot",
    "SpotOptions": {
        "SpotInstanceType": "one-time",
        "InstanceInterruptionBehavior": "terminate",
    },
}


def check_request(request: MachineRequest) -> None:
    """Check what can be known to fail without asking AWS.

    Raises:
        InvalidRequest: It can never work.

    """
    if not _NAME.fullmatch(request.name):
        raise InvalidRequest(
            f"{request.name!r} cannot name a machine",
            "use at most 63 of the characters a-z, 0-9 and -, the first not a -",
        )
    for key, value in request.labels:
        if problem := label_problem(key, value):
            raise InvalidRequest(problem, "use other labels")
    boot_disk("", request.disk_gib, request.disk_tier)


def run_arguments(
    request: MachineRequest,
    keys: MachineKeys,
    installation: str,
    image: Image,
    subnet: Subnet,
    group_id: str,
    settings: AwsSettings,
    profile: str | None,
) -> dict[str, Any]:
    """Return the arguments of RunInstances for a `check_request`; the same for the same machine.

    The instance profile is named by its name or its ARN. The client token makes AWS answer a
    repeated request with the instance of the first.
    """
    place = request.place
    arguments: dict[str, Any] = {
        "ClientToken": request.name,
        "MinCount": 1,
        "MaxCount": 1,
        "ImageId": image.ami,
        "InstanceType": place.instance_type,
        "Placement": {"AvailabilityZone": place.zone},
        "NetworkInterfaces": [_interface(subnet, group_id, settings)],
        "BlockDeviceMappings": [boot_disk(image.device, request.disk_gib, request.disk_tier)],
        "UserData": user_data(keys),
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": _METADATA,
        "TagSpecifications": tag_specifications(request.name, installation, dict(request.labels)),
    }
    if place.use_spot:
        arguments["InstanceMarketOptions"] = _SPOT
    if profile is not None:
        key = "Arn" if profile.startswith("arn:") else "Name"
        arguments["IamInstanceProfile"] = {key: profile}
    return arguments


def _interface(subnet: Subnet, group_id: str, settings: AwsSettings) -> dict[str, Any]:
    return {
        "DeviceIndex": 0,
        "SubnetId": subnet.subnet_id,
        "Groups": [group_id],
        "AssociatePublicIpAddress": not settings.internal,
        "DeleteOnTermination": True,
    }
