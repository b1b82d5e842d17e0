from __future__ import annotations

import pytest

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.network import Networks, Subnet
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.errors import InvalidRequest, UsageError
from tests.clouds.aws.account import REGION, AccountView

ZONE = "us-east-1b"


async def subnet(settings: AwsSettings, zone: str = ZONE) -> Subnet:
    return await Networks(AwsApi(settings), settings).subnet(REGION, zone)


def new_vpc(account: AccountView, name: str) -> tuple[str, str]:
    """Make a VPC with a subnet; return their ids."""
    ec2 = account.client()
    vpc: str = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": name}])
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24", AvailabilityZone=ZONE)
    return vpc, made["Subnet"]["SubnetId"]


async def test_default_vpc_is_used_in_the_zone_that_is_asked_for(account: AccountView) -> None:
    found = await subnet(AwsSettings())
    there = account.client().describe_subnets(SubnetIds=[found.subnet_id])["Subnets"][0]
    assert (there["AvailabilityZone"], there["DefaultForAz"]) == (ZONE, True)
    assert found.vpc_networks == ("172.31.0.0/16",)


async def test_vpc_is_named_by_its_id_or_its_name(account: AccountView) -> None:
    vpc, made = new_vpc(account, "models")
    wanted = Subnet(made, vpc, ("10.1.0.0/16",))
    assert await subnet(AwsSettings(vpcs=("models",))) == wanted
    # Ids of other regions do no harm.
    assert await subnet(AwsSettings(vpcs=("vpc-00000000", vpc))) == wanted


async def test_subnets_that_may_be_used_decide_without_a_vpc(account: AccountView) -> None:
    vpc, made = new_vpc(account, "models")
    assert (await subnet(AwsSettings(subnets=(made,)))).vpc_id == vpc


async def test_public_machines_prefer_public_subnets_and_internal_ones_others(
    account: AccountView,
) -> None:
    ec2 = account.client()
    usual = await subnet(AwsSettings())
    private = ec2.create_subnet(
        VpcId=usual.vpc_id, CidrBlock="172.31.240.0/24", AvailabilityZone=ZONE
    )["Subnet"]["SubnetId"]
    assert (await subnet(AwsSettings())).subnet_id == usual.subnet_id
    assert (await subnet(AwsSettings(internal=True))).subnet_id == private


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("settings", "zone", "remedy"),
    [
        (AwsSettings(vpcs=("nowhere",)), ZONE, "SKYFLOW_AWS_VPC"),
        (AwsSettings(), "us-east-1z", "add a subnet"),
        (AwsSettings(subnets=("subnet-00000000",)), ZONE, "add a subnet"),
    ],
)
async def test_missing_networks_are_refused_with_the_remedy(
    settings: AwsSettings, zone: str, remedy: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await subnet(settings, zone)
    assert remedy in (caught.value.remedy or "")


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYFLOW_AWS_REGIONS", "us-east-1, us-west-2")
    monkeypatch.setenv("SKYFLOW_AWS_INTERNAL", "1")
    monkeypatch.setenv("SKYFLOW_AWS_SSH_FROM", "10.0.0.0/8,192.0.2.1")
    found = AwsSettings.from_environment()
    assert (found.regions, found.internal) == (("us-east-1", "us-west-2"), True)
    assert found.ssh_from == ("10.0.0.0/8", "192.0.2.1/32")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SKYFLOW_AWS_INTERNAL", "yes"), ("SKYFLOW_AWS_SSH_FROM", "10.0.0.1/8")],
)
def test_wrong_settings_are_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=variable):
        AwsSettings.from_environment()
