"""How AWS is used, read from the environment."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass

from skyflow.errors import UsageError

_SOURCE_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)


@dataclass(frozen=True)
class AwsSettings:
    """What the variables `SKYFLOW_AWS_...` say; docs/clouds/aws.md explains them."""

    profile: str | None = None
    """Profile of the AWS configuration (`SKYFLOW_AWS_PROFILE`); None for boto3's own choice."""
    regions: tuple[str, ...] = ()
    """Regions to start machines in (`SKYFLOW_AWS_REGIONS`); empty for all that are enabled."""
    vpcs: tuple[str, ...] = ()
    """Ids of VPCs, or values of their tag Name (`SKYFLOW_AWS_VPC`); empty for the default VPC."""
    subnets: tuple[str, ...] = ()
    """Ids of the subnets that may be used (`SKYFLOW_AWS_SUBNETS`); empty for any of the VPC."""
    internal: bool = False
    """Whether machines are reached at their private addresses (`SKYFLOW_AWS_INTERNAL`)."""
    ssh_from: tuple[str, ...] = ()
    """Networks that workers come from (`SKYFLOW_AWS_SSH_FROM`); empty to find out."""
    service_from: tuple[str, ...] = ()
    """Networks that balancers come from (`SKYFLOW_AWS_SERVICE_FROM`); empty for `ssh_from`."""
    instance_profile: str | None = None
    """Name or ARN of the instance profile of machines (`SKYFLOW_AWS_INSTANCE_PROFILE`)."""
    source: tuple[str | None, ...] = ()
    """What tells accounts and endpoints apart among boto3's own variables."""

    @staticmethod
    def from_environment() -> AwsSettings:
        """Read the settings from environment variables.

        Raises:
            UsageError: A variable has a value that is not allowed.

        """
        return AwsSettings(
            profile=os.environ.get("SKYFLOW_AWS_PROFILE") or None,
            regions=_several("SKYFLOW_AWS_REGIONS"),
            vpcs=_several("SKYFLOW_AWS_VPC"),
            subnets=_several("SKYFLOW_AWS_SUBNETS"),
            internal=_switch("SKYFLOW_AWS_INTERNAL"),
            ssh_from=_networks("SKYFLOW_AWS_SSH_FROM"),
            service_from=_networks("SKYFLOW_AWS_SERVICE_FROM"),
            instance_profile=os.environ.get("SKYFLOW_AWS_INSTANCE_PROFILE") or None,
            source=tuple(os.environ.get(variable) for variable in _SOURCE_VARIABLES),
        )


def _several(variable: str) -> tuple[str, ...]:
    parts = (os.environ.get(variable) or "").split(",")
    return tuple(part.strip() for part in parts if part.strip())


def _switch(variable: str) -> bool:
    found = os.environ.get(variable) or "0"
    if found not in ("0", "1"):
        raise UsageError(f"{variable} is {found!r}; allowed: 0, 1")
    return found == "1"


def _networks(variable: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.IPv4Network(part)) for part in _several(variable))
    except ValueError as error:
        raise UsageError(
            f"{variable}: {error}", "give IPv4 networks such as 203.0.113.7/32, with commas between"
        ) from None
