"""The security group of an installation's machines, one in each VPC."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from skyflow.clouds.aws import rules
from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.errors import code_of
from skyflow.clouds.aws.network import Subnet
from skyflow.clouds.aws.public_address import PublicAddress
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.clouds.aws.tags import INSTALLATION_TAG
from skyflow.errors import CloudError

Group = dict[str, Any]


class Firewall:
    """Security groups that let in workers by SSH and balancers to the services' ports.

    They are found by name, made at the first launch in a VPC, and stay. Whoever looks at one brings
    it up to date; any number may do so at once.
    """

    def __init__(self, api: AwsApi, settings: AwsSettings, address: PublicAddress) -> None:
        self._api = api
        self._settings = settings
        self._address = address
        self._followed: dict[str, Sequence[str]] = {}

    async def group(self, installation: str, region: str, subnet: Subnet, port: int) -> str:
        """Return the id of an installation's group in a VPC, with a port of services open.

        Raises:
            CloudError: It could not be made, or brought up to date.

        """
        networks = await self._networks(subnet.vpc_networks)
        found = await self._find(installation, region, subnet.vpc_id)
        group = found[0] if found else await self._create(installation, region, subnet.vpc_id)
        await self._update(region, group, [port], networks)
        return str(group["GroupId"])

    async def follow_address(self, installation: str, region: str) -> None:
        """Let this computer in under its present address, where it had another.

        Costs no call of EC2 if the address is what it was at the last look.

        Raises:
            CloudError: The address or the groups could not be found out or changed.

        """
        if self._settings.internal or self._settings.ssh_from:
            return
        networks = await self._networks(())
        if self._followed.get(region) == networks:
            return
        groups = await self._find(installation, region)
        await asyncio.gather(*(self._update(region, group, [], networks) for group in groups))
        self._followed[region] = networks

    async def _networks(self, vpc_networks: Sequence[str]) -> Sequence[str]:
        """Return where workers come from."""
        if self._settings.ssh_from:
            return self._settings.ssh_from
        return vpc_networks if self._settings.internal else (await self._address.network(),)

    async def _find(self, installation: str, region: str, vpc_id: str = "") -> list[Group]:
        filters = [{"Name": "group-name", "Values": [_name(installation)]}]
        if vpc_id:
            filters.append({"Name": "vpc-id", "Values": [vpc_id]})
        return await self._api.collect(
            "describe_security_groups", region, "SecurityGroups", Filters=filters
        )

    async def _create(self, installation: str, region: str, vpc_id: str) -> Group:
        tags = [
            {"Key": "Name", "Value": _name(installation)},
            {"Key": INSTALLATION_TAG, "Value": installation},
        ]
        try:
            return await self._api.call(
                "ec2",
                "create_security_group",
                region,
                GroupName=_name(installation),
                Description="Machines of skyflow: SSH for workers, ports of services for balancers",
                VpcId=vpc_id,
                TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
            )
        except CloudError as error:
            if code_of(error) != "InvalidGroup.Duplicate":
                raise
        # Somebody else made it at the same time.
        found = await self._find(installation, region, vpc_id)
        if not found:
            raise CloudError(f"security group {_name(installation)} in {region} is not seen yet")
        return found[0]

    async def _update(
        self, region: str, group: Group, ports: Iterable[int], networks: Sequence[str]
    ) -> None:
        existing = rules.rules_of(group)
        service = self._settings.service_from or networks
        wanted = rules.wanted(existing, ports, networks, service)
        missing = rules.permissions(wanted - existing)
        if not rules.connects_members(group):
            missing.append(rules.among_members(group["GroupId"]))
        stale = rules.permissions(existing - wanted)
        await self._change("authorize_security_group_ingress", region, group, missing)
        await self._change("revoke_security_group_ingress", region, group, stale)

    async def _change(
        self, operation: str, region: str, group: Group, permissions: Sequence[dict[str, Any]]
    ) -> None:
        """Add or remove permissions one by one: what others did meanwhile is no error."""
        for permission in permissions:
            try:
                await self._api.call(
                    "ec2", operation, region, GroupId=group["GroupId"], IpPermissions=[permission]
                )
            except CloudError as error:
                done = ("InvalidPermission.Duplicate", "InvalidPermission.NotFound")
                if code_of(error) not in done:
                    raise


def _name(installation: str) -> str:
    return f"skyflow-{installation}"
