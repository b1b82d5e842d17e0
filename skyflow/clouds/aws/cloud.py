"""The `aws` cloud: machines of Amazon EC2."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from skyflow.clouds.aws import credentials
from skyflow.clouds.aws.image_names import image_source
from skyflow.clouds.aws.rebalance import REBALANCE_SCRIPT
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.clouds.aws.tags import MACHINE_TAG
from skyflow.clouds.aws.unsupported import unsupported_keys
from skyflow.clouds.base import (
    Cloud,
    CloudCheck,
    Machine,
    MachineKeys,
    MachineRequest,
    MachineState,
)
from skyflow.clouds.matching import meets
from skyflow.config import Settings
from skyflow.errors import CloudError, InvalidRequest
from skyflow.installation import installation_id
from skyflow.placement.offers import Offer, Place, ResourceRequest

if TYPE_CHECKING:
    from skyflow.clouds.aws.account import Account

NAME = "aws"
_NO_CREDENTIALS = (
    "no credentials; run `aws configure` or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
    "(docs/clouds/aws.md)"
)


class AwsCloud(Cloud):
    """Machines of EC2 in the regions that the account has enabled.

    An instance is known by its tag `skyflow-machine`, so that nothing has to be kept here.
    """

    name = NAME
    notice_script = REBALANCE_SCRIPT

    def __init__(self, settings: Settings) -> None:
        """Use the account that boto3 finds credentials of.

        Raises:
            UsageError: A variable `SKYFLOW_AWS_...` has a value that is not allowed.

        """
        self._settings = settings
        self._aws = AwsSettings.from_environment()

    async def check(self) -> CloudCheck:
        """Say as whom the account is used, or which permission is missing."""
        check = await self._check()
        if check.enabled or await asyncio.to_thread(self._directory.exists):
            return check
        return check.model_copy(update={"set_up": False})

    def unsupported(self, request: ResourceRequest) -> Mapping[str, str]:
        """Refuse images and labels that AWS does not take, and accelerators without a driver."""
        return unsupported_keys(request)

    async def offers(self, request: ResourceRequest) -> Sequence[Offer]:
        """Return what the catalogue has in the regions that are enabled, if there is an image."""
        from skyflow.catalog import offers_of

        zones = self._account.zones
        regions = set(await zones.regions())
        if self._aws.regions:
            regions &= set(self._aws.regions)
        # The catalogue knows zones by their ids.
        anywhere = request.model_copy(update={"zone": None})
        found = await asyncio.to_thread(offers_of, NAME, anywhere, self._settings)
        found = [offer for offer in found if offer.place.region in regions]
        names = await zones.names(
            await self._account.number(), {offer.place.region for offer in found}
        )
        named = (_named(offer, names) for offer in found if offer.place.zone in names)
        return [offer for offer in named if meets(offer, request) and _can_start(offer, request)]

    async def launch(self, request: MachineRequest, keys: MachineKeys) -> Machine:
        """Start the machine, or return the one that has this name already."""
        installation = await self._installation()
        # When credentials are lost, this tells that there may be machines.
        await asyncio.to_thread(self._directory.mkdir, parents=True, exist_ok=True)
        return await self._account.launcher.launch(request, keys, installation)

    async def describe(self, names: Sequence[str], region: str) -> Mapping[str, MachineState]:
        """Return the state of each machine, of up to 200 in one call."""
        from skyflow.clouds.aws.instances import find, state_of

        found = await find(self._account.api, region, names)
        states = {
            name: state_of(instances[0]) if instances else MachineState.GONE
            for name, instances in found.items()
        }
        if MachineState.RUNNING in states.values():
            # Whoever asks cannot reach a machine: it may be this computer that has moved.
            with contextlib.suppress(CloudError):
                firewall = self._account.firewall
                await firewall.follow_address(await self._installation(), region)
        return states

    async def terminate(self, names: Sequence[str], region: str) -> None:
        """End every instance with one of the names, also those that are only starting."""
        await self._change("terminate_instances", names, region)

    async def owned(self, prefix: str) -> Sequence[tuple[str, Place]]:
        """Return every machine with the prefix in every region that is enabled."""
        from skyflow.clouds.aws.zones import ask_regions

        regions = sorted({*await self._account.zones.regions(), *self._aws.regions})
        found = await ask_regions(regions, lambda region: self._owned(prefix, region))
        return sorted(
            (machine for machines in found.values() for machine in machines),
            key=lambda each: each[0],
        )

    async def notices(self, names: Sequence[str], region: str) -> Mapping[str, str]:
        """Return what AWS says of each spot machine that it is about to take back."""
        from skyflow.clouds.aws.notices import interruption_notices

        return await interruption_notices(self._account.api, region, names)

    async def stop(self, names: Sequence[str], region: str) -> None:
        """Stop machines but keep their disks; AWS does not stop spot machines of ours."""
        await self._change("stop_instances", names, region)

    async def start(self, names: Sequence[str], region: str) -> None:
        """Start stopped machines again; their public addresses are new ones."""
        await self._change("start_instances", names, region)

    async def withdraw(self, incarnation: str) -> None:
        """Remove a service's policies from the role of the installation's machines."""
        if await asyncio.to_thread(self._directory.exists):
            await self._account.role.withdraw(await self._installation(), incarnation)

    async def remove_shared(self) -> None:
        """Remove the role of the installation's machines; security groups stay."""
        if await asyncio.to_thread(self._directory.exists):
            await self._account.role.remove(await self._installation())

    async def _check(self) -> CloudCheck:
        if not await asyncio.to_thread(credentials.may_exist, self._aws):
            return CloudCheck(cloud=NAME, enabled=False, detail=_NO_CREDENTIALS)
        return await self._account.check(await self._installation())

    @cached_property
    def _account(self) -> Account:
        # Imported late: boto3 takes a while to load, and mostly nobody has credentials.
        from skyflow.clouds.aws.account import shared_account

        return shared_account(self._aws, self._directory)

    @property
    def _directory(self) -> Path:
        return self._settings.home / NAME

    async def _installation(self) -> str:
        return await asyncio.to_thread(installation_id, self._settings)

    async def _change(self, operation: str, names: Sequence[str], region: str) -> None:
        from skyflow.clouds.aws.instances import find, is_live

        found = await find(self._account.api, region, names)
        ids = [each["InstanceId"] for some in found.values() for each in some if is_live(each)]
        if ids:
            await self._account.api.call("ec2", operation, region, InstanceIds=ids)

    async def _owned(self, prefix: str, region: str) -> list[tuple[str, Place]]:
        from skyflow.clouds.aws.instances import is_live, name_of, place_of, tagged

        found = await tagged(self._account.api, region, MACHINE_TAG, [f"{prefix}*"])
        return [(name_of(each), place_of(each, region)) for each in found if is_live(each)]


def _named(offer: Offer, names: Mapping[str, str]) -> Offer:
    place = offer.place.model_copy(update={"zone": names[offer.place.zone]})
    return offer.model_copy(update={"place": place})


def _can_start(offer: Offer, request: ResourceRequest) -> bool:
    place = offer.place
    try:
        image_source(request.image(place.region), place.instance_type, bool(offer.accelerator))
    except InvalidRequest:
        return False
    return True
