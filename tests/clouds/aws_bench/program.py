"""A program that calls the bench as it would call Amazon, and never tries again by itself."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import boto3
from botocore.config import Config

from tests.clouds.aws_bench.bench import REGION, AwsBench
from tests.clouds.aws_bench.images import IMAGES

UBUNTU = IMAGES[2]


async def call(
    bench: AwsBench,
    action: str,
    service: str = "ec2",
    region: str = REGION,
    wait: float = 60,
    **parameters: Any,
) -> Any:
    """Call the front as a program would."""
    asked = _client(bench.endpoint, service, region, wait)
    return await asyncio.to_thread(lambda: getattr(asked, action)(**parameters))


async def run(bench: AwsBench, token: str = "token", **more: Any) -> str:
    """Start an instance; return its id."""
    usual = {"ImageId": UBUNTU.image_id, "InstanceType": "t3.small", "ClientToken": token}
    answer = await call(bench, "run_instances", MinCount=1, MaxCount=1, **{**usual, **more})
    [instance] = answer["Instances"]
    return str(instance["InstanceId"])


@functools.cache
def _client(endpoint: str, service: str, region: str, wait: float) -> Any:
    settings = Config(retries={"total_max_attempts": 1}, read_timeout=wait)
    return _session().client(service, region, endpoint_url=endpoint, config=settings)


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session("AKIAEXAMPLEOFPROGRAM", "example")
