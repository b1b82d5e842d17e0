from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.base import MachineState
from skyflow.config import Settings
from skyflow.errors import CloudError, InvalidRequest
from tests.clouds.access import Access
from tests.clouds.aws.account import REGION, AccountView
from tests.clouds.aws.images import ARM_IMAGE
from tests.clouds.aws.requests import NAME, place, request


async def test_machine_runs_where_it_should_and_can_be_reached(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    machine = await aws.launch(request(), access.keys)
    instance = account.instances()[0]
    assert (machine.place, machine.ssh_user, machine.ssh_port) == (place(), "ubuntu", 22)
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
    west = place(region="us-west-2", zone="us-west-2a")
    await aws.launch(request(), access.keys)
    await aws.launch(request(name=f"{NAME}1", place=west), access.keys)
    found = await aws.owned("skyflow-0a1b2c3d-")
    assert found == [(NAME, place()), (f"{NAME}1", west)]
    assert await aws.owned("skyflow-99999999-") == []


@pytest.mark.parametrize(
    "fields",
    [
        {"image": "docker:vllm/vllm-openai"},
        {"disk_tier": "huge"},
        {"labels": (("aws:x", "1"),)},
        {"name": "../x"},
        {"disk_gib": 5},
        {"image": "ami-0e9271c829888680e"},
        {"place": place(zone="us-east-1q")},
    ],
)
async def test_what_cannot_work_is_refused_and_nothing_is_made(
    aws: AwsCloud, access: Access, account: AccountView, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        await aws.launch(request(**fields), access.keys)
    assert (account.instances(), account.groups()) == ([], [])


async def test_machine_carries_tags_and_labels_and_so_do_its_volumes(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    await aws.launch(request(labels=(("team", "ml"), ("Name", "mine"))), access.keys)
    volumes = account.client().describe_volumes()["Volumes"]
    for tagged in (account.instances()[0], volumes[0]):
        tags = {tag["Key"]: tag["Value"] for tag in tagged["Tags"]}
        assert (tags["Name"], tags["skyflow-machine"], tags["team"]) == (NAME, NAME, "ml")
        assert re.fullmatch("[0-9a-f]{8}", tags["skyflow-installation"])


@pytest.mark.usefixtures("account")
async def test_internal_machine_is_reached_at_its_private_address(
    settings: Settings, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYFLOW_AWS_INTERNAL", "1")
    machine = await AwsCloud(settings).launch(request(), access.keys)
    assert machine.address == machine.internal_address


async def test_machine_of_arm_starts_from_an_image_of_arm(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    await aws.launch(request(place=place(instance_type="g5g.xlarge")), access.keys)
    assert account.instances()[0]["ImageId"] == ARM_IMAGE


async def test_spot_machine_is_one(aws: AwsCloud, access: Access, account: AccountView) -> None:
    spot = place(use_spot=True)
    assert (await aws.launch(request(place=spot), access.keys)).place == spot
    assert account.instances()[0]["InstanceLifecycle"] == "spot"


async def test_stopped_machine_starts_again(aws: AwsCloud, access: Access) -> None:
    await aws.launch(request(), access.keys)
    await aws.stop([NAME], REGION)
    assert (await aws.describe([NAME], REGION))[NAME] is MachineState.STOPPED
    await aws.start([NAME], REGION)
    assert (await aws.describe([NAME], REGION))[NAME] is MachineState.RUNNING
    assert await aws.notices([NAME], REGION) == {}
