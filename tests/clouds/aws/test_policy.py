from __future__ import annotations

import pytest

from skyflow.catalog.refreshing.aws_types import fetch_region
from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.config import Settings
from skyflow.placement.offers import BucketPrefix, ResourceRequest
from tests.clouds.access import Access
from tests.clouds.aws.account import REGION, AccountView
from tests.clouds.aws.policy import allowed_actions, documented_policy
from tests.clouds.aws.requests import INCARNATION, NAME, place, request

IMPLIED = {"ec2:CreateTags", "iam:TagRole", "iam:TagInstanceProfile", "iam:PassRole"}
"""What AWS asks for when a call gives tags to what it makes, or a role to a machine."""


@pytest.mark.usefixtures("account")
async def test_policy_has_all_that_is_used_and_no_more(
    settings: Settings, access: Access, actions: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = AwsCloud(settings)
    await aws.check()
    await aws.offers(ResourceRequest(region=REGION, instance_type="g5.xlarge"))
    await aws.launch(request(place=place(use_spot=True)), access.keys)
    monkeypatch.setenv("SKYFLOW_AWS_SSH_FROM", "192.0.2.9/32")
    aws = AwsCloud(settings)
    await aws.launch(request(name=f"{NAME}2"), access.keys)
    for change in (aws.stop, aws.start, aws.terminate):
        await change([f"{NAME}2"], REGION)
    await aws.notices([NAME], REGION)
    await aws.launch(request(name=f"{NAME}3", buckets=(BucketPrefix(bucket="b"),)), access.keys)
    await aws.withdraw(INCARNATION)
    await aws.remove_shared()
    await fetch_region(aws._account.api, REGION)
    assert actions | IMPLIED == allowed_actions()


def test_policy_changes_only_what_carries_the_tag() -> None:
    changing = ("Terminate", "Stop", "Start", "Authorize", "Revoke")
    for statement in documented_policy()["Statement"]:
        names = [action.partition(":")[2] for action in statement["Action"]]
        if any(name.startswith(changing) for name in names):
            condition = {"Null": {"aws:ResourceTag/skyflow-installation": "false"}}
            assert statement["Condition"] == condition


def test_policy_changes_only_roles_of_skyflow() -> None:
    found = [
        statement
        for statement in documented_policy()["Statement"]
        if any(action.startswith("iam:") for action in statement["Action"])
    ]
    assert len(found) == 2
    for statement in found:
        named = statement["Resource"]
        for resource in [named] if isinstance(named, str) else named:
            assert resource.partition("::*:")[2] in ("instance-profile/skyflow-*", "role/skyflow-*")
    assert found[1]["Condition"]["StringEquals"] == {"iam:PassedToService": "ec2.amazonaws.com"}


async def test_call_outside_the_policy_would_be_noticed(
    aws: AwsCloud, actions: set[str], account: AccountView
) -> None:
    await aws._account.api.call("ec2", "describe_key_pairs", REGION)
    assert actions - allowed_actions() == {"ec2:DescribeKeyPairs"}
    actions.clear()
