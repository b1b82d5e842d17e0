"""Whether an account can be used: as whom, and which permission is missing."""

from __future__ import annotations

import asyncio
from typing import Any

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.errors import code_of
from skyflow.clouds.aws.image_names import image_source
from skyflow.clouds.aws.instances import is_live, tagged
from skyflow.clouds.aws.tags import INSTALLATION_TAG, tag_specifications
from skyflow.clouds.aws.zones import Zones
from skyflow.clouds.base import CloudCheck
from skyflow.errors import CloudError, CredentialsError

_SECONDS = 30.0
_TRIES = 2
"""Tries of the first call: without a network people should hear of it soon."""
_TYPE = "t3.micro"
_READS = (
    "describe_availability_zones",
    "describe_images",
    "describe_instances",
    "describe_security_groups",
    "describe_spot_instance_requests",
    "describe_subnets",
    "describe_vpcs",
)
_OF_MACHINES = ("start_instances", "stop_instances", "terminate_instances")


async def check_account(api: AwsApi, zones: Zones, installation: str) -> CloudCheck:
    """Say whether an account may do all that skyflow does; nothing is made or changed.

    What depends on the tags of a machine can only be tried on one that exists, and what depends on
    those of a security group is not tried.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            home = await api.home_region()
            identity = await api.call("sts", "get_caller_identity", home, tries=_TRIES)
            regions = await zones.regions()
            problems = await _problems(api, home, installation)
    except TimeoutError:
        return _refused(f"no answer within {_SECONDS:.0f} s; check the network and the proxy")
    except CloudError as error:
        return _refused(_text(error))
    if problems:
        return _refused(f"{identity['Arn']}: {'; '.join(problems)}")
    return CloudCheck(
        cloud="aws", enabled=True, detail=f"{identity['Arn']}, {len(regions)} regions"
    )


async def _problems(api: AwsApi, region: str, installation: str) -> list[str]:
    """Return what says that a permission is missing, in a region that stands for all."""
    source = image_source(None, _TYPE, accelerators=False)
    image, machines = await asyncio.gather(
        api.call("ssm", "get_parameter", region, Name=source),
        tagged(api, region, INSTALLATION_TAG, [installation]),
    )
    tags = tag_specifications("skyflow-check", installation, {})
    trials = [_trial(api, operation, region) for operation in _READS]
    trials.append(
        _trial(
            api,
            "run_instances",
            region,
            ImageId=image["Parameter"]["Value"],
            InstanceType=_TYPE,
            MinCount=1,
            MaxCount=1,
            TagSpecifications=tags,
        )
    )
    if ids := [instance["InstanceId"] for instance in machines if is_live(instance)]:
        trials += [
            _trial(api, operation, region, InstanceIds=ids[:1]) for operation in _OF_MACHINES
        ]
    answers = await asyncio.gather(*trials)
    return [answer for answer in answers if answer]


async def _trial(api: AwsApi, operation: str, region: str, **arguments: Any) -> str | None:
    """Return why an operation is not allowed; None if it is, whatever else may be wrong with it."""
    try:
        await api.call("ec2", operation, region, DryRun=True, **arguments)
    except CredentialsError as error:
        return _text(error)
    except CloudError as error:
        if not code_of(error):
            raise
    return None


def _refused(detail: str) -> CloudCheck:
    return CloudCheck(cloud="aws", enabled=False, detail=detail)


def _text(error: CloudError) -> str:
    return f"{error.message}; {error.remedy}" if error.remedy else error.message
