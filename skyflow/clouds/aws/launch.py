"""Starting a machine: exactly one of each name, whatever answer is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.errors import code_of, error_of, is_unseen_profile
from skyflow.clouds.aws.firewall import Firewall
from skyflow.clouds.aws.image_names import image_source
from skyflow.clouds.aws.images import Images, check_fit
from skyflow.clouds.aws.instances import (
    Instance,
    find,
    is_live,
    matching,
    place_of,
    reason_code,
    state_of,
)
from skyflow.clouds.aws.network import Networks
from skyflow.clouds.aws.role import InstanceRole
from skyflow.clouds.aws.run_instances import check_request, run_arguments
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.clouds.aws.user_data import USER
from skyflow.clouds.base import Machine, MachineKeys, MachineRequest, MachineState
from skyflow.errors import CloudError, CredentialsError, InvalidRequest
from skyflow.naming import parse_machine_name

START_SECONDS = 600.0
"""Longest time until an instance that was made runs and has its address."""
_PROFILE_SECONDS = 60.0
"""Longest time until EC2 knows an instance profile that was made."""
_PROFILE_PAUSE_SECONDS = 2.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 5.0
_PAUSE_GROWTH = 1.3


class Launcher:
    """Starts machines of one account."""

    def __init__(
        self,
        api: AwsApi,
        settings: AwsSettings,
        networks: Networks,
        firewall: Firewall,
        role: InstanceRole,
    ) -> None:
        self._api = api
        self._settings = settings
        self._role = role
        self._images = Images(api)
        self._networks = networks
        self._firewall = firewall

    async def launch(
        self, request: MachineRequest, keys: MachineKeys, installation: str
    ) -> Machine:
        """Start the machine, or return the one that has this name already.

        It is looked for by its tag first. If several have it, which takes a lost answer and a
        cloud that forgot the client token, the oldest stays and the others are ended.

        Raises:
            CloudError: It could not be started; the type says why.

        """
        check_request(request)
        place = request.place
        source = image_source(request.image, place.instance_type, request.accelerators)
        try:
            found = (await find(self._api, place.region, [request.name]))[request.name]
        except CredentialsError as error:
            error.made_nothing = True
            raise
        if not found:
            await self._create(request, keys, installation, source)
        return self._machine(request, await self._started(request))

    async def _create(
        self, request: MachineRequest, keys: MachineKeys, installation: str, source: str
    ) -> None:
        place = request.place
        image = await self._images.find(place.region, source)
        check_fit(image, place.instance_type, request.disk_gib)
        subnet = await self._networks.subnet(place.region, place.zone)
        group = await self._firewall.group(installation, place.region, subnet, request.port)
        profile = await self._profile(request, installation)
        arguments = run_arguments(
            request, keys, installation, image, subnet, group, self._settings, profile
        )
        try:
            await self._run(place.region, arguments)
        except InvalidRequest:
            # What was kept of the region may be what is wrong.
            self._images.forget()
            self._networks.forget()
            raise
        except CloudError as error:
            # The first request of this name was another one, as with an image that is newer now.
            if code_of(error) != "IdempotentParameterMismatch":
                raise
            await self._check_exists(request, error)

    async def _profile(self, request: MachineRequest, installation: str) -> str | None:
        """Return the instance profile of the machine: the user's, or ours if it mounts buckets."""
        if self._settings.instance_profile or not request.buckets:
            return self._settings.instance_profile
        made_for = parse_machine_name(request.name)
        incarnation = made_for.incarnation if made_for else request.name
        return await self._role.grant(
            installation, incarnation, request.buckets, request.place.region
        )

    async def _run(self, region: str, arguments: dict[str, Any]) -> None:
        deadline = time.monotonic() + _PROFILE_SECONDS
        while True:
            try:
                await self._api.call("ec2", "run_instances", region, **arguments)
            except InvalidRequest as error:
                given = self._settings.instance_profile
                if given or not is_unseen_profile(error) or time.monotonic() > deadline:
                    raise
            else:
                return
            await asyncio.sleep(_PROFILE_PAUSE_SECONDS)

    async def _check_exists(self, request: MachineRequest, error: CloudError) -> None:
        filters = [{"Name": "client-token", "Values": [request.name]}]
        if not await matching(self._api, request.place.region, filters):
            raise error

    async def _started(self, request: MachineRequest) -> Instance:
        """Return the machine's instance as soon as it runs and has its address."""
        deadline = time.monotonic() + START_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while True:
            found = (await find(self._api, request.place.region, [request.name]))[request.name]
            extra = [each for each in found[1:] if is_live(each)]
            if extra:
                await self._end(request, extra)
            elif found and not is_live(found[0]):
                raise _ended(request, found[0])
            elif found and state_of(found[0]) is MachineState.STOPPED:
                raise CloudError(f"{request.name} is stopped", "start it, or terminate it")
            elif found and self._address(found[0]):
                return found[0]
            if time.monotonic() > deadline:
                raise CloudError(f"{request.name} did not start within {START_SECONDS:.0f} s")
            await asyncio.sleep(pause)
            pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)

    async def _end(self, request: MachineRequest, extra: Sequence[Instance]) -> None:
        ids = [instance["InstanceId"] for instance in extra]
        try:
            region = request.place.region
            await self._api.call("ec2", "terminate_instances", region, InstanceIds=ids)
        except CloudError as error:
            # Somebody else who launches this machine may have ended them; the next look says.
            if not code_of(error).endswith(".NotFound"):
                raise

    def _address(self, instance: Instance) -> str:
        """Return the address at which an instance is reached; empty while it has none."""
        if instance["State"]["Name"] != "running":
            return ""
        key = "PrivateIpAddress" if self._settings.internal else "PublicIpAddress"
        return str(instance.get(key, ""))

    def _machine(self, request: MachineRequest, instance: Instance) -> Machine:
        return Machine(
            name=request.name,
            place=place_of(instance, request.place.region),
            address=self._address(instance),
            ssh_user=USER,
            internal_address=instance["PrivateIpAddress"],
            replica_port=request.port,
        )


def _ended(request: MachineRequest, instance: Instance) -> CloudError:
    """Return why an instance ended before it ran, such as for want of capacity."""
    code = reason_code(instance)
    text = instance.get("StateReason", {}).get("Message", "") or "it was terminated"
    reason = code.removeprefix("Server.").removeprefix("Client.")
    error = error_of(reason, text, "ec2", "RunInstances", request.place.region)
    message = f"{request.name} ended as it started: {error.message}"
    return type(error)(message, error.remedy)
