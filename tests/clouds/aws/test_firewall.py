from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.aws.firewall import Firewall
from skyflow.clouds.aws.network import Subnet
from skyflow.clouds.aws.public_address import PublicAddress
from skyflow.clouds.aws.rules import Rule, rules_of, wanted
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.config import Settings
from skyflow.errors import CloudError
from tests.clouds.access import Access
from tests.clouds.aws.account import REGION, AccountView
from tests.clouds.aws.requests import INSTALLATION, NAME, request

HERE, THERE, BALANCER = "203.0.113.7/32", "198.51.100.9/32", "192.0.2.1/32"


def ours(account: AccountView) -> set[Rule]:
    (group,) = account.groups()
    return set(rules_of(group))


async def test_workers_come_in_by_ssh_and_balancers_to_the_service(
    settings: Settings, access: Access, account: AccountView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYFLOW_AWS_SERVICE_FROM", BALANCER)
    await AwsCloud(settings).launch(request(), access.keys)
    assert ours(account) == {Rule(22, HERE), Rule(8080, BALANCER)}
    (group,) = account.groups()
    interface = account.instances()[0]["NetworkInterfaces"][0]
    assert interface["Groups"][0]["GroupId"] == group["GroupId"]


async def test_nodes_of_a_replica_reach_each_other(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    await aws.launch(request(), access.keys)
    (group,) = account.groups()
    (inside,) = [each for each in group["IpPermissions"] if each["IpProtocol"] == "-1"]
    assert inside["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]


async def test_machines_launched_together_share_a_group_with_all_their_ports(
    aws: AwsCloud, access: Access, account: AccountView
) -> None:
    ports = (8000, 8001, 8002)
    requests = [request(name=f"{NAME}{port}", port=port) for port in ports]
    await asyncio.gather(*(aws.launch(each, access.keys) for each in requests))
    assert ours(account) == {Rule(22, HERE), *(Rule(port, HERE) for port in ports)}


async def test_new_address_takes_the_place_of_the_old_one_and_the_users_rules_stay(
    settings: Settings, access: Access, account: AccountView, monkeypatch: pytest.MonkeyPatch
) -> None:
    await AwsCloud(settings).launch(request(), access.keys)
    (group,) = account.groups()
    theirs = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": HERE}]}
    account.client().authorize_security_group_ingress(
        GroupId=group["GroupId"], IpPermissions=[theirs]
    )
    monkeypatch.setenv("SKYFLOW_AWS_SSH_FROM", THERE)
    await AwsCloud(settings).launch(request(name=f"{NAME}2", port=9000), access.keys)
    assert ours(account) == {Rule(22, THERE), Rule(8080, THERE), Rule(9000, THERE)}
    (group,) = account.groups()
    assert 443 in {each.get("FromPort") for each in group["IpPermissions"]}


async def test_group_follows_the_address_of_this_computer(
    account: AccountView, firewall: Firewall, address: Address
) -> None:
    await firewall.group(INSTALLATION, REGION, Subnet("", vpc_of(account), ()), 8080)
    address.text = "198.51.100.9"
    await firewall.follow_address(INSTALLATION, REGION)
    assert ours(account) == {Rule(22, THERE), Rule(8080, THERE)}


async def test_address_that_cannot_be_found_out_is_said_with_the_remedy(
    firewall: Firewall, address: Address, account: AccountView
) -> None:
    address.text = "<html>"
    with pytest.raises(CloudError) as caught:
        await firewall.group(INSTALLATION, REGION, Subnet("", vpc_of(account), ()), 8080)
    assert "SKYFLOW_AWS_SSH_FROM" in (caught.value.remedy or "")
    assert account.groups() == []


def test_internal_machines_let_in_their_vpc() -> None:
    assert wanted([], [80], ["10.0.0.0/16"], ["10.0.0.0/16"]) == {
        Rule(22, "10.0.0.0/16"),
        Rule(80, "10.0.0.0/16"),
    }


@dataclass
class Address:
    """What a server says that asks from which address it is asked."""

    text: str = "203.0.113.7"
    url: str = ""

    async def answer(self, _: web.Request) -> web.Response:
        return web.Response(text=f"{self.text}\n")


@pytest.fixture
async def address() -> AsyncIterator[Address]:
    found = Address()
    application = web.Application()
    application.router.add_get("/", found.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield found
    await runner.cleanup()


@pytest.fixture
def firewall(account: AccountView, address: Address) -> Firewall:
    found = AwsSettings()
    return Firewall(AwsApi(found), found, PublicAddress(address.url, kept_seconds=0))


def vpc_of(account: AccountView) -> str:
    return str(account.client().describe_vpcs()["Vpcs"][0]["VpcId"])
