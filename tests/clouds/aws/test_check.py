from __future__ import annotations

import subprocess
import sys
import time

import pytest

from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.registry import enabled_clouds, owned_machines
from skyflow.config import Settings
from tests.clouds.access import Access
from tests.clouds.aws.account import AccountView
from tests.clouds.aws.policy import allowed_actions
from tests.clouds.aws.requests import request


async def test_account_that_may_do_everything_is_enabled(aws: AwsCloud) -> None:
    check = await aws.check()
    assert check.enabled
    assert check.detail.startswith("arn:aws:sts::123456789012:")
    assert await aws.check() is check


@pytest.mark.parametrize("action", ["ec2:DescribeVpcs", "ec2:RunInstances", "ec2:DescribeRegions"])
async def test_missing_permission_is_named_with_the_remedy(
    aws: AwsCloud, account: AccountView, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    keys = account.restrict(allowed_actions() - {action})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
    check = await aws.check()
    assert not check.enabled
    assert f"allow {action}: docs/clouds/aws.md" in check.detail
    assert "user/restricted" in check.detail


async def test_the_documented_actions_are_enough(
    settings: Settings, account: AccountView, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = account.restrict(allowed_actions())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
    aws = AwsCloud(settings)
    assert (await aws.check()).enabled
    machine = await aws.launch(request(), access.keys)
    await aws.terminate([machine.name], machine.place.region)


async def test_ending_machines_is_tried_once_there_is_one(
    settings: Settings, account: AccountView, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    await AwsCloud(settings).launch(request(), access.keys)
    keys = account.restrict(allowed_actions() - {"ec2:TerminateInstances"})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
    assert "allow ec2:TerminateInstances" in (await AwsCloud(settings).check()).detail


async def test_without_credentials_nothing_is_asked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1")
    began = time.process_time()
    assert await enabled_clouds(settings) == ["local"]
    assert time.process_time() - began < 1
    check = await AwsCloud(settings).check()
    assert (check.enabled, check.set_up) == (False, False)
    assert "aws configure" in check.detail


async def test_survey_complains_of_lost_credentials_only_where_there_may_be_machines(
    settings: Settings,
) -> None:
    assert await owned_machines(settings, "skyflow-") == ((), ())
    (settings.home / "aws").mkdir(parents=True)
    machines, problems = await owned_machines(settings, "skyflow-")
    assert (machines, len(problems)) == ((), 1)
    assert "aws: no credentials" in problems[0]


def test_looking_for_credentials_loads_no_boto3() -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from skyflow.config import Settings; "
        "from skyflow.clouds.registry import get_cloud; "
        "asyncio.run(get_cloud('aws', Settings(Path('/nowhere'))).check()); "
        "sys.exit(bool({'boto3', 'botocore'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_unknown_profile_is_said(
    settings: Settings, environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYFLOW_AWS_PROFILE", "nobody")
    check = await AwsCloud(settings).check()
    assert not check.enabled
    assert "nobody" in check.detail
