from __future__ import annotations

import asyncio
from typing import Any

import pytest

from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.base import MachineRequest, MachineState
from skyflow.errors import CloudError, InvalidRequest
from skyflow.placement.offers import Place
from tests.clouds.access import Access
from tests.clouds.aws.account import REGION, AccountView

NAME = "skyflow-0a1b2c3d-00ff-1-0-1"
ZONE = "us-east-1b"


def request(name: str = NAME, **fields: Any) -> MachineRequest:
    spot = fields.pop("use_spot", False)
    place = Place(cloud="aws", region=REGION, zone=ZONE, instance_type="g5.xlarge", use_spot=spot)
    return MachineRequest(**{"name": name, "place": place, "port": 8080, **fields})


async def test_machine_runs_where_it_should_and_can_be_reached(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    machine = await aws.launch(request(), access.keys)
    instance = account.instances()[0]
    assert (machine.place, machine.ssh_user, machine.ssh_port) == (request().place, "ubuntu", 22)
    assert machine.address == instance["PublicIpAddress"]
    assert machine.internal_address == instance["PrivateIpAddress"]
    assert machine.replica_port == 8080
    assert await aws.describe([NAME, "skyflow-x"], REGION) == {
        NAME: MachineState.RUNNING,
        "skyflow-x": MachineState.GONE,
    }


async def test_launched_twice_is_one_machine(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    first = await aws.launch(request(), access.keys)
    assert await aws.launch(request(), access.keys) == first
    assert len(account.instances()) == 1


async def test_of_machines_launched_at_the_same_time_one_stays(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    # moto knows no client tokens: each of these may make an instance.
    await asyncio.gather(*(aws.launch(request(), access.keys) for _ in range(3)))
    kept = await aws.launch(request(), access.keys)
    assert [each["PublicIpAddress"] for each in account.instances()] == [kept.address]


async def test_terminated_machine_is_gone_and_never_starts_again(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    await aws.launch(request(), access.keys)
    await aws.terminate([NAME, "skyflow-x"], REGION)
    await aws.terminate([NAME], REGION)
    assert (await aws.describe([NAME], REGION))[NAME] is MachineState.GONE
    with pytest.raises(CloudError, match="ended as it started"):
        await aws.launch(request(), access.keys)
    assert account.instances() == []


async def test_owned_machines_are_found_in_every_region(aws: AwsCloud, access: Access) -> None:
    west = request().place.model_copy(update={"region": "us-west-2", "zone": "us-west-2a"})
    await aws.launch(request(), access.keys)
    await aws.launch(request(name=f"{NAME}1", place=west), access.keys)
    found = await aws.owned("skyflow-0a1b2c3d-")
    assert found == [(NAME, request().place), (f"{NAME}1", west)]
    assert await aws.owned("skyflow-99999999-") == []


async def test_what_cannot_work_is_refused_before_anything_is_made(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    for fields in (
        {"image": "docker:vllm/vllm-openai"},
        {"disk_tier": "huge"},
        {"labels": (("aws:x", "1"),)},
        {"name": "../x"},
        {"disk_gib": 5},
    ):
        with pytest.raises(InvalidRequest):
            await aws.launch(request(**fields), access.keys)
    assert account.instances() == []
