from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.config import Settings
from skyflow.errors import CloudError, NoCapacity
from tests.clouds.access import Access
from tests.clouds.aws.answers import Ec2, done, error, running
from tests.clouds.aws.requests import NAME, request

IMAGE = "ami-01234567"
NOTHING = done("DescribeInstances")
MISMATCH = error("IdempotentParameterMismatch")


def instance(state: str, reason: str = "") -> tuple[int, str]:
    """Return an answer with the machine's instance."""
    return done(
        "DescribeInstances",
        f"""
        <reservationSet><item><instancesSet><item>
        <instanceId>i-1</instanceId><instanceState><name>{state}</name></instanceState>
        <stateReason><code>{reason}</code><message>says AWS</message></stateReason>
        <ipAddress>192.0.2.7</ipAddress><privateIpAddress>10.0.0.7</privateIpAddress>
        <tagSet><item><key>skyflow-machine</key><value>{NAME}</value></item></tagSet>
        </item></instancesSet></item></reservationSet>""",
    )


@pytest.fixture
async def ec2(
    environment: None, actions: set[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ec2]:
    """Answer for a region with all that a machine needs."""
    found = {
        "DescribeImages": f"<imagesSet><item><imageId>{IMAGE}</imageId></item></imagesSet>",
        "DescribeVpcs": "<vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet>",
        "DescribeSubnets": (
            "<subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId></item></subnetSet>"
        ),
        "DescribeSecurityGroups": (
            "<securityGroupInfo><item><groupId>sg-1</groupId></item></securityGroupInfo>"
        ),
    }
    answers = {action: [done(action, content)] for action, content in found.items()}
    async with running(Ec2(answers)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


async def test_request_that_has_changed_finds_the_machine_of_the_first_one(
    settings: Settings, access: Access, ec2: Ec2
) -> None:
    ec2.answers["DescribeInstances"] = [NOTHING, instance("pending"), instance("running")]
    ec2.answers["RunInstances"] = [MISMATCH]
    machine = await AwsCloud(settings).launch(request(image=IMAGE), access.keys)
    assert machine.address == "192.0.2.7"
    by_tag, by_token = (asked["Filter.1.Name"] for asked in ec2.asked["DescribeInstances"][:2])
    assert (by_tag, by_token) == ("tag:skyflow-machine", "client-token")


async def test_request_that_has_changed_and_finds_nothing_yet_is_tried_again_later(
    settings: Settings, access: Access, ec2: Ec2
) -> None:
    ec2.answers["DescribeInstances"] = [NOTHING]
    ec2.answers["RunInstances"] = [MISMATCH]
    with pytest.raises(CloudError, match="IdempotentParameterMismatch") as caught:
        await AwsCloud(settings).launch(request(image=IMAGE), access.keys)
    assert type(caught.value) is CloudError


async def test_machine_that_ends_as_it_starts_says_why(
    settings: Settings, access: Access, ec2: Ec2
) -> None:
    ec2.answers["DescribeInstances"] = [
        NOTHING,
        instance("terminated", "Server.InsufficientInstanceCapacity"),
    ]
    with pytest.raises(NoCapacity, match="ended as it started"):
        await AwsCloud(settings).launch(request(image=IMAGE), access.keys)


async def test_machine_that_is_not_listed_yet_is_waited_for(
    settings: Settings, access: Access, ec2: Ec2
) -> None:
    ec2.answers["DescribeInstances"] = [NOTHING, NOTHING, instance("running")]
    await AwsCloud(settings).launch(request(image=IMAGE), access.keys)
    assert len(ec2.asked["RunInstances"]) == 1


async def test_stopped_machine_is_not_waited_for(
    settings: Settings, access: Access, ec2: Ec2
) -> None:
    ec2.answers["DescribeInstances"] = [instance("stopped")]
    with pytest.raises(CloudError, match="is stopped"):
        await AwsCloud(settings).launch(request(image=IMAGE), access.keys)
    assert ec2.asked["RunInstances"] == []
