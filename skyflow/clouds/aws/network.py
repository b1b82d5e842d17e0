"""The subnet that a machine is put into."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.errors import InvalidRequest

_KEPT_SECONDS = 600.0


@dataclass(frozen=True)
class Subnet:
    """A subnet in a zone, and the VPC that it is part of."""

    subnet_id: str
    vpc_id: str
    vpc_networks: tuple[str, ...]
    """Networks of the VPC, such as `172.31.0.0/16`."""


class Networks:
    """Subnets by zone, in the VPC that the settings name; what is found is kept for minutes."""

    def __init__(self, api: AwsApi, settings: AwsSettings) -> None:
        self._api = api
        self._settings = settings
        self._kept: dict[tuple[str, str], tuple[float, Subnet]] = {}

    async def subnet(self, region: str, zone: str) -> Subnet:
        """Return the subnet for machines in a zone, by its name in the account.

        Raises:
            InvalidRequest: There is none; other zones and regions may have one.
            CloudError: AWS could not be asked.

        """
        kept = self._kept.get((region, zone))
        if kept and time.monotonic() < kept[0]:
            return kept[1]
        found = await self._find(region, zone)
        self._kept[region, zone] = (time.monotonic() + _KEPT_SECONDS, found)
        return found

    def forget(self) -> None:
        """Look everything up anew."""
        self._kept.clear()

    async def _find(self, region: str, zone: str) -> Subnet:
        vpcs = {vpc["VpcId"]: vpc for vpc in await self._vpcs(region)}
        filters = [_filter("availability-zone", [zone]), _filter("vpc-id", sorted(vpcs))]
        if self._settings.subnets:
            filters.append(_filter("subnet-id", self._settings.subnets))
        found = await self._api.collect("describe_subnets", region, "Subnets", Filters=filters)
        if not found:
            of_these = "of SKYFLOW_AWS_SUBNETS " if self._settings.subnets else ""
            raise InvalidRequest(
                f"no subnet {of_these}in {zone} of {', '.join(sorted(vpcs))}",
                "add a subnet in that zone, or name other zones or regions in the resources",
            )
        subnet = min(found, key=self._precedence)
        networks = vpcs[subnet["VpcId"]].get("CidrBlockAssociationSet", [])
        return Subnet(
            subnet_id=subnet["SubnetId"],
            vpc_id=subnet["VpcId"],
            vpc_networks=tuple(sorted(network["CidrBlock"] for network in networks)),
        )

    async def _vpcs(self, region: str) -> list[dict[str, Any]]:
        settings = self._settings
        if settings.vpcs:
            ids = [vpc for vpc in settings.vpcs if vpc.startswith("vpc-")]
            names = [vpc for vpc in settings.vpcs if not vpc.startswith("vpc-")]
            asked = [("vpc-id", ids), ("tag:Name", names)]
            searches = [[_filter(key, values)] for key, values in asked if values]
        elif settings.subnets:
            searches = [[]]
        else:
            searches = [[_filter("is-default", ["true"])]]
        found = [
            vpc
            for filters in searches
            for vpc in await self._api.collect("describe_vpcs", region, "Vpcs", Filters=filters)
        ]
        if not found:
            wanted = ", ".join(settings.vpcs) or "default VPC"
            raise InvalidRequest(
                f"{region} has no {wanted}",
                "make one (`aws ec2 create-default-vpc`), name one in SKYFLOW_AWS_VPC, or leave "
                "the region out with SKYFLOW_AWS_REGIONS",
            )
        return found

    def _precedence(self, subnet: dict[str, Any]) -> tuple[bool, bool, str]:
        """Order subnets of a zone: public ones first, unless machines are to be internal."""
        public = subnet.get("MapPublicIpOnLaunch", False)
        default = subnet.get("DefaultForAz", False)
        return (public == self._settings.internal, not default, subnet["SubnetId"])


def _filter(name: str, values: Sequence[str]) -> dict[str, Any]:
    return {"Name": name, "Values": list(values)}
