from __future__ import annotations

import json
from typing import Any

import pytest

from skyflow.clouds.aws import launch
from skyflow.clouds.aws.bucket_policy import policy_document, policy_name
from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.registry import remove_shared, withdraw
from skyflow.config import Settings
from skyflow.errors import CredentialsError, InvalidRequest
from skyflow.installation import installation_id
from skyflow.naming import machine_name
from skyflow.placement.offers import BucketPrefix
from tests.clouds.access import Access
from tests.clouds.aws.account import AccountView
from tests.clouds.aws.answers import Answer, Ec2
from tests.clouds.aws.policy import allowed_actions
from tests.clouds.aws.requests import INCARNATION, INSTALLATION, request
from tests.clouds.aws.test_lost_answers import IMAGE, NOTHING, ec2, instance

__all__ = ["ec2"]

MODELS = BucketPrefix(bucket="models", prefix="llama/v3/", read_only=True)
OUTPUT = BucketPrefix(bucket="output")
WHOLE = (
    "<GetInstanceProfileResponse><GetInstanceProfileResult><InstanceProfile><Roles><member>"
    "<RoleName>x</RoleName></member></Roles></InstanceProfile></GetInstanceProfileResult>"
    "</GetInstanceProfileResponse>"
)


def name(incarnation: str, replica: int = 1) -> str:
    return machine_name(INSTALLATION, incarnation, replica, 0, 1)


def role_of(settings: Settings) -> str:
    return f"skyflow-{installation_id(settings)}"


def policies(account: AccountView, role: str) -> dict[str, Any]:
    """Return what the role of machines allows, by the name of the policy."""
    iam = account.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return {
        each: iam.get_role_policy(RoleName=role, PolicyName=each)["PolicyDocument"]
        for each in names
    }


async def test_machine_gets_a_role_that_is_let_at_just_what_it_mounts(
    aws: AwsCloud, settings: Settings, access: Access, account: AccountView
) -> None:
    await aws.launch(request(name("aa"), buckets=(MODELS, OUTPUT)), access.keys)
    role = role_of(settings)
    (found,) = policies(account, role).values()
    read = {
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": "arn:aws:s3:::models/llama/v3/*",
    }
    listing = {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::models",
        "Condition": {"StringLike": {"s3:prefix": "llama/v3/*"}},
    }
    assert found["Statement"][:2] == [listing, read]
    assert found["Statement"][3]["Resource"] == "arn:aws:s3:::output/*"
    assert set(found["Statement"][3]["Action"]) == {
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
    }
    iam = account.client("iam")
    trusted = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trusted["Principal"] == {"Service": "ec2.amazonaws.com"}
    profile = iam.get_instance_profile(InstanceProfileName=role)["InstanceProfile"]
    assert account.instances()[0]["IamInstanceProfile"]["Arn"] == profile["Arn"]


async def test_each_service_takes_only_its_own_access_with_it(
    aws: AwsCloud, settings: Settings, access: Access, account: AccountView
) -> None:
    for replica in (1, 2):
        await aws.launch(request(name("aa", replica), buckets=(MODELS,)), access.keys)
    await aws.launch(request(name("aab"), buckets=(OUTPUT,)), access.keys)
    kept = policy_name("aab", [OUTPUT])
    assert set(policies(account, role_of(settings))) == {policy_name("aa", [MODELS]), kept}
    for _ in range(2):
        await withdraw(settings, "aa")
    assert set(policies(account, role_of(settings))) == {kept}


async def test_nothing_is_left_when_the_installation_is_removed(
    aws: AwsCloud,
    settings: Settings,
    access: Access,
    account: AccountView,
    actions: set[str],
) -> None:
    await aws.launch(request(buckets=(MODELS,)), access.keys)
    await remove_shared(settings)
    iam = account.client("iam")
    assert (iam.list_roles()["Roles"], iam.list_instance_profiles()["InstanceProfiles"]) == ([], [])
    actions.clear()
    await aws.remove_shared()
    await aws.withdraw(INCARNATION)
    assert actions == set()


async def test_what_was_broken_off_is_finished(
    aws: AwsCloud, settings: Settings, access: Access, account: AccountView
) -> None:
    await aws.launch(request(buckets=(MODELS,)), access.keys)
    role, iam = role_of(settings), account.client("iam")
    iam.remove_role_from_instance_profile(InstanceProfileName=role, RoleName=role)
    await aws.launch(request(name("bb"), buckets=(MODELS,)), access.keys)
    profile = iam.get_instance_profile(InstanceProfileName=role)["InstanceProfile"]
    assert [each["RoleName"] for each in profile["Roles"]] == [role]
    iam.remove_role_from_instance_profile(InstanceProfileName=role, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=role)
    await aws.remove_shared()
    assert iam.list_roles()["Roles"] == []


async def test_who_mounts_nothing_needs_no_permissions_of_iam(
    aws: AwsCloud, access: Access, account: AccountView, actions: set[str]
) -> None:
    await aws.launch(request(), access.keys)
    await aws.withdraw(INCARNATION)
    await aws.remove_shared()
    assert not [action for action in actions if action.startswith("iam:")]
    assert "IamInstanceProfile" not in account.instances()[0]


async def test_who_may_not_make_roles_is_told_and_can_take_the_service_down(
    settings: Settings, access: Access, account: AccountView, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = {action for action in allowed_actions() if not action.startswith("iam:")}
    keys = account.restrict(may | {"iam:GetInstanceProfile"})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
    aws = AwsCloud(settings)
    with pytest.raises(CredentialsError) as caught:
        await aws.launch(request(buckets=(MODELS,)), access.keys)
    assert "allow iam:CreateRole: docs/clouds/aws.md" in (caught.value.remedy or "")
    await aws.withdraw(INCARNATION)


async def test_profile_of_the_user_is_taken_as_it_is(
    settings: Settings, access: Access, account: AccountView, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.client("iam").create_instance_profile(InstanceProfileName="mine")
    monkeypatch.setenv("SKYFLOW_AWS_INSTANCE_PROFILE", "mine")
    await AwsCloud(settings).launch(request(buckets=(MODELS,)), access.keys)
    assert account.client("iam").list_roles()["Roles"] == []
    assert account.instances()[0]["IamInstanceProfile"]["Arn"].endswith("instance-profile/mine")


def unseen(reason: str = "Invalid IAM Instance Profile name") -> Answer:
    """Return what EC2 says of a profile that was made a moment ago."""
    return 400, (
        f"<Response><Errors><Error><Code>InvalidParameterValue</Code><Message>{reason}</Message>"
        "</Error></Errors></Response>"
    )


async def test_profile_that_ec2_does_not_know_yet_is_waited_for(
    settings: Settings, access: Access, ec2: Ec2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_PROFILE_PAUSE_SECONDS", 0)
    ec2.answers["GetInstanceProfile"] = [(200, WHOLE)]
    ec2.answers["DescribeInstances"] = [NOTHING, instance("running")]
    ec2.answers["RunInstances"] = [
        unseen(),
        unseen("IAM Instance Profile x has no associated IAM Roles"),
        (200, "<RunInstancesResponse/>"),
    ]
    await AwsCloud(settings).launch(request(image=IMAGE, buckets=(MODELS,)), access.keys)
    tokens = {asked["ClientToken"] for asked in ec2.asked["RunInstances"]}
    assert (len(ec2.asked["RunInstances"]), len(tokens)) == (3, 1)


async def test_profile_that_stays_unknown_and_that_of_the_user_are_refused(
    settings: Settings, access: Access, ec2: Ec2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_PROFILE_SECONDS", 0)
    ec2.answers["GetInstanceProfile"] = [(200, WHOLE)]
    ec2.answers["DescribeInstances"] = [NOTHING]
    ec2.answers["RunInstances"] = [unseen()]
    with pytest.raises(InvalidRequest, match="Invalid IAM Instance Profile"):
        await AwsCloud(settings).launch(request(image=IMAGE, buckets=(MODELS,)), access.keys)
    monkeypatch.setattr(launch, "_PROFILE_SECONDS", 3600)
    monkeypatch.setenv("SKYFLOW_AWS_INSTANCE_PROFILE", "x")
    with pytest.raises(InvalidRequest, match="Invalid IAM Instance Profile"):
        await AwsCloud(settings).launch(request(image=IMAGE), access.keys)


def test_keys_that_look_like_patterns_let_at_nothing_else() -> None:
    odd = BucketPrefix(bucket="b", prefix="a*/${aws:username}?/")
    listing, objects = json.loads(policy_document([odd], "us-east-1"))["Statement"]
    literal = "a${*}/${$}{aws:username}${?}/"
    assert listing["Condition"]["StringLike"]["s3:prefix"] == f"{literal}*"
    assert objects["Resource"] == f"arn:aws:s3:::b/{literal}*"


def test_partitions_have_their_own_names() -> None:
    assert '"arn:aws-cn:s3:::output/*"' in policy_document([OUTPUT], "cn-north-1")
    assert '"arn:aws-us-gov:s3:::output/*"' in policy_document([OUTPUT], "us-gov-west-1")


async def test_cloud_that_is_set_up_wrongly_keeps_no_service_from_its_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYFLOW_AWS_INTERNAL", "perhaps")
    await withdraw(settings, "aa")
    await remove_shared(settings)
