"""The instances of the account, each with its machine and its lines in the ledger."""

from __future__ import annotations

import asyncio
import base64
from collections import defaultdict
from pathlib import Path

from skyflow.clouds.ledger import Ledger
from tests.clouds.aws_bench import documents
from tests.clouds.aws_bench.account import REGIONS, Account, Instance
from tests.clouds.aws_bench.calls import Call
from tests.clouds.aws_bench.cloud_init import Unusable, read_login
from tests.clouds.aws_bench.machines import Machines
from tests.clouds.aws_bench.metadata import Metadata
from tests.clouds.aws_bench.spot_requests import described

_CHANGING = {"RunInstances", "StartInstances", "StopInstances", "TerminateInstances"}
_ABOUT_INSTANCES = _CHANGING | {"DescribeInstances"}


class Fleet:
    """What follows from the state of the account."""

    def __init__(self, folder: Path, account: Account) -> None:
        self._account = account
        self.machines = Machines(folder / "machines")
        self.ledger = Ledger(folder / "ledger.jsonl")
        """Names are ids of instances."""
        self.regions: set[str] = set()
        """Regions that instances were asked for in."""
        self.backed = False
        """Whether instances that start from now on with user-data are backed by machines."""
        self.reasons: dict[str, str] = {}
        """Why instances ended that nobody of the account has ended."""
        self.names: dict[str, str] = {}
        """Value of the tag Name of each instance there was; its id if it had none."""
        self.marked: set[str] = set()
        """Spot instances that Amazon has said it will take back."""
        self.problems: list[str] = []
        """What kept machines from being as their user-data should have made them."""
        self._user_data: dict[str, str] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def take_effect(self, call: Call, answer: bytes) -> None:
        """Let machines start and end as a call has asked for."""
        if call.action not in _CHANGING:
            return
        self.regions.add(call.region)
        user_data = call.parameters.get("UserData")
        if user_data and self.backed:
            self._user_data |= dict.fromkeys(documents.instances_in(answer), user_data)
        await self.follow(call.region)

    def change(self, answer: bytes, call: Call) -> bytes:
        """Return an answer with what is known here of instances and regions and not at moto."""
        if call.action == "DescribeRegions":
            return documents.with_regions(answer, REGIONS)
        if call.action not in _ABOUT_INSTANCES:
            return answer
        answer = documents.with_spot_requests(answer)
        answer = documents.with_addresses(answer, self.machines.addresses)
        return documents.with_reasons(answer, self.reasons)

    async def refresh(self, answer: bytes, call: Call) -> bytes:
        """Return an earlier answer to RunInstances as it would be given now."""
        instances = await self._account.instances(call.region)
        states = {each.instance_id: documents.STATES[each.state] for each in instances}
        return self.change(documents.with_states(answer, states), call)

    async def spot_requests(self, call: Call) -> bytes:
        """Answer DescribeSpotInstanceRequests."""
        return described(call, await self._account.instances(call.region), self.marked)

    async def ended_by(self, call: Call) -> bytes | None:
        """Return the answer to ending again what has ended, at which moto fails; else None."""
        gone = {each.instance_id for each in await self.instances() if each.gone}
        wanted = call.listed("InstanceId")
        return documents.ended_again(wanted) if gone.issuperset(wanted) else None

    async def instances(self) -> list[Instance]:
        """Return every instance of every region that any were asked for in, ended ones too."""
        found = await asyncio.gather(*map(self._account.instances, sorted(self.regions)))
        return [each for part in found for each in part]

    async def follow(self, region: str) -> None:
        """Give each running instance of a region its machine and its line, and no other one."""
        await asyncio.gather(*map(self._follow, await self._account.instances(region)))

    async def _follow(self, instance: Instance) -> None:
        async with self._locks[instance.instance_id]:
            if instance.gone:
                await self.machines.end(instance.instance_id)
                self.ledger.deleted(instance.instance_id)
                return
            name = instance.tags.get("Name", instance.instance_id)
            self.names[instance.instance_id] = name
            self.ledger.created(instance.instance_id)
            if instance.state.startswith("stop"):
                await self.machines.halt(instance.instance_id)
            elif instance.instance_id in self._user_data.keys() - self.machines.running:
                await self._boot(instance)

    async def _boot(self, instance: Instance) -> None:
        user_data = self._user_data[instance.instance_id]
        try:
            login = read_login(user_data)
        except Unusable as problem:
            # Such an instance runs, but nobody can log in.
            self.problems.append(f"user-data of {instance.instance_id}: {problem}")
            return
        await self.machines.boot(instance.instance_id, login, _metadata(instance, user_data))


def _metadata(instance: Instance, user_data: str) -> Metadata:
    values = {
        "ami-id": instance.image_id,
        "instance-id": instance.instance_id,
        "instance-life-cycle": "spot" if instance.spot else "on-demand",
        "instance-type": instance.instance_type,
        "placement/availability-zone": instance.zone,
        "placement/region": instance.region,
    }
    return Metadata(values, base64.b64decode(user_data), instance.token_needed)
