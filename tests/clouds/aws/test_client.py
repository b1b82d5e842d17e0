from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.clouds.aws.zones import Zones
from skyflow.clouds.base import MachineKeys, MachineRequest
from skyflow.config import Settings
from skyflow.errors import CloudError, CredentialsError, NoCapacity
from skyflow.placement.offers import Place
from tests.clouds.aws.account import REGION
from tests.clouds.aws.answers import Ec2, done, error, running
from tests.waiting import eventually

INSTANCE = """
<reservationSet><item><instancesSet><item>
<instanceId>i-1</instanceId><instanceState><name>running</name></instanceState>
<spotInstanceRequestId>sir-1</spotInstanceRequestId><instanceLifecycle>spot</instanceLifecycle>
<tagSet><item><key>skyflow-machine</key><value>machine</value></item></tagSet>
</item></instancesSet></item></reservationSet>"""
MARKED = """
<spotInstanceRequestSet><item><spotInstanceRequestId>sir-1</spotInstanceRequestId>
<status><code>marked-for-termination</code><message>in two minutes</message></status>
</item></spotInstanceRequestSet>"""


@pytest.fixture
async def ec2(
    environment: None, actions: set[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ec2]:
    async with running(Ec2()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


@pytest.fixture
def api(ec2: Ec2) -> AwsApi:
    return AwsApi(AwsSettings.from_environment())


@pytest.mark.parametrize(
    "answer", [error("RequestLimitExceeded", 503), error("Unavailable", 503), (0, "")]
)
async def test_what_may_pass_is_tried_again(api: AwsApi, ec2: Ec2, answer: tuple[int, str]) -> None:
    ec2.answers["DescribeVpcs"] = [answer, answer, done("DescribeVpcs")]
    await api.call("ec2", "describe_vpcs", REGION)
    assert len(ec2.asked["DescribeVpcs"]) == 3


async def test_lack_of_capacity_is_told_at_once_though_aws_calls_it_its_fault(
    api: AwsApi, ec2: Ec2
) -> None:
    ec2.answers["RunInstances"] = [error("InsufficientInstanceCapacity", 500)]
    with pytest.raises(NoCapacity):
        await api.call("ec2", "run_instances", REGION, MinCount=1, MaxCount=1)
    assert len(ec2.asked["RunInstances"]) == 1


async def test_credentials_that_were_renewed_in_their_file_are_used(
    ec2: Ec2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    file = tmp_path / "credentials"
    text = "[default]\naws_access_key_id = {}\naws_secret_access_key = x\n"
    file.write_text(text.format("OLDKEY"))
    api = AwsApi(AwsSettings.from_environment())
    await api.call("ec2", "describe_vpcs", REGION)
    file.write_text(text.format("NEWKEY"))
    ec2.answers["DescribeVpcs"] = [error("ExpiredToken"), done("DescribeVpcs")]
    await api.call("ec2", "describe_vpcs", REGION)
    keys = [
        asked["Authorization"].split("=")[1].split("/")[0] for asked in ec2.asked["DescribeVpcs"]
    ]
    assert keys == ["OLDKEY", "OLDKEY", "NEWKEY"]


async def test_expired_credentials_are_said_so_after_one_more_try(api: AwsApi, ec2: Ec2) -> None:
    ec2.answers["DescribeVpcs"] = [error("ExpiredToken")]
    with pytest.raises(CredentialsError, match="ExpiredToken"):
        await api.call("ec2", "describe_vpcs", REGION)
    assert len(ec2.asked["DescribeVpcs"]) == 2


async def test_answers_in_pages_are_put_together(api: AwsApi, ec2: Ec2) -> None:
    item = "<vpcSet><item><vpcId>vpc-{}</vpcId></item></vpcSet>"
    ec2.answers["DescribeVpcs"] = [
        done("DescribeVpcs", item.format(1) + "<nextToken>more</nextToken>"),
        done("DescribeVpcs", item.format(2)),
    ]
    found = await api.collect("describe_vpcs", REGION, "Vpcs")
    assert [vpc["VpcId"] for vpc in found] == ["vpc-1", "vpc-2"]
    assert ec2.asked["DescribeVpcs"][1]["NextToken"] == "more"


async def test_cancelled_change_is_waited_for_and_no_question_is(api: AwsApi, ec2: Ec2) -> None:
    ec2.go_on = asyncio.Event()
    ending = api.call("ec2", "terminate_instances", REGION, InstanceIds=["i-1"])
    change = asyncio.create_task(ending)
    question = asyncio.create_task(api.call("ec2", "describe_vpcs", REGION))
    await eventually(lambda: ec2.asked["TerminateInstances"] and ec2.asked["DescribeVpcs"])
    change.cancel()
    question.cancel()
    await asyncio.wait([question])
    assert not change.done()
    ec2.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await change


async def test_spot_machine_that_is_about_to_go_has_a_notice(settings: Settings, ec2: Ec2) -> None:
    ec2.answers["DescribeInstances"] = [done("DescribeInstances", INSTANCE)]
    ec2.answers["DescribeSpotInstanceRequests"] = [done("DescribeSpotInstanceRequests", MARKED)]
    assert await AwsCloud(settings).notices(["machine"], REGION) == {
        "machine": "marked-for-termination: in two minutes"
    }


async def test_region_that_cannot_be_asked_is_an_error_not_an_absence(
    settings: Settings, ec2: Ec2
) -> None:
    regions = "".join(
        f"<item><regionName>{name}</regionName></item>" for name in ("us-east-1", "us-west-2")
    )
    ec2.answers["DescribeRegions"] = [
        done("DescribeRegions", f"<regionInfo>{regions}</regionInfo>")
    ]
    ec2.answers["DescribeInstances"] = [
        done("DescribeInstances", INSTANCE),
        error("AuthFailure"),
    ]
    with pytest.raises(CloudError):
        await AwsCloud(settings).owned("machine")


async def test_region_that_is_forbidden_is_left_out_if_it_is_not_the_only_one(
    settings: Settings, ec2: Ec2, monkeypatch: pytest.MonkeyPatch
) -> None:
    region = "<regionInfo><item><regionName>eu-west-1</regionName></item></regionInfo>"
    ec2.answers["DescribeRegions"] = [done("DescribeRegions", region)]
    ec2.refused_region = "eu-west-1"
    with pytest.raises(CredentialsError):
        await AwsCloud(settings).owned("machine")
    monkeypatch.setenv("SKYFLOW_AWS_REGIONS", "us-east-1")
    assert await AwsCloud(settings).owned("machine") == []
    assert len(ec2.asked["DescribeInstances"]) == 3


async def test_forbidden_region_has_no_zones_and_those_of_others_are_known(
    settings: Settings, ec2: Ec2
) -> None:
    zone = "<item><zoneId>use1-az1</zoneId><zoneName>us-east-1b</zoneName></item>"
    answer = f"<availabilityZoneInfo>{zone}</availabilityZoneInfo>"
    ec2.answers["DescribeAvailabilityZones"] = [done("DescribeAvailabilityZones", answer)]
    ec2.refused_region = "eu-west-1"
    zones = Zones(AwsApi(AwsSettings.from_environment()), settings.home)
    known = {"use1-az1": "us-east-1b"}
    assert await zones.names("123456789012", ["eu-west-1", REGION]) == known
    # Also when those of others are known from before.
    assert await zones.names("123456789012", ["eu-west-1", REGION]) == known
    with pytest.raises(CredentialsError):
        await zones.names("123456789012", ["eu-west-1"])


async def test_launch_that_was_refused_at_once_for_its_credentials_left_nothing(
    settings: Settings, ec2: Ec2
) -> None:
    ec2.answers["DescribeInstances"] = [error("AuthFailure", 401)]
    place = Place(cloud="aws", region=REGION, zone="us-east-1b", instance_type="t3.small")
    request = MachineRequest(name="machine", place=place, port=80)
    keys = MachineKeys(host_private_key="", host_public_key="", authorized_key="")
    with pytest.raises(CredentialsError) as refusal:
        await AwsCloud(settings).launch(request, keys)
    assert refusal.value.made_nothing
    assert not ec2.asked["RunInstances"]
