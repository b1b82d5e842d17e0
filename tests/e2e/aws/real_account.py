"""One service on one machine of a real AWS account, from `up` to `down`: `make test-aws`.

The machine runs for some minutes, at two cents per hour. In the end every machine of this run is
ended, whatever went wrong.

Environment:
    SKYFLOW_TEST_AWS: Must be 1, so that nobody does this by accident.
    SKYFLOW_TEST_AWS_REGION: Where to start the machine; us-east-1 if it is not given.
    AWS_...: Credentials, in any way that boto3 knows.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import httpx

from skyflow.clouds.aws import credentials
from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.config import Settings
from skyflow.installation import installation_id
from skyflow.naming import machine_prefix
from skyflow.state import ReplicaPhase, ServicePhase
from tests.e2e.conftest import running_stack
from tests.e2e.services import write_service
from tests.e2e.stack import Stack
from tests.waiting import eventually

NAME = "hello-aws"
REGION = os.environ.get("SKYFLOW_TEST_AWS_REGION") or "us-east-1"
MACHINE = {"infra": f"aws/{REGION}", "instance_type": "t3.small", "disk_size": 20}
READY_SECONDS = 600
GONE_SECONDS = 300


def main() -> int:
    """Refuse, or do it; 0 says that all of it worked and nothing is left."""
    if os.environ.get("SKYFLOW_TEST_AWS") != "1":
        return _refuse("this starts a machine in your AWS account: set SKYFLOW_TEST_AWS=1")
    if not credentials.may_exist(AwsSettings.from_environment()):
        return _refuse("there are no AWS credentials: docs/clouds/aws.md says how to give them")
    asyncio.run(serve())
    return 0


async def serve() -> None:
    """Bring a service up and take it down; every machine is ended, whatever goes wrong."""
    async with running_stack("shared") as stack:
        try:
            await _up_and_down(stack)
        finally:
            await _end_machines(stack.settings)


async def _up_and_down(stack: Stack) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spec = write_service(Path(folder), resources=MACHINE)
        _say((await stack.run("serve", "up", spec, "-n", NAME, "-y", "--no-wait")).out)
    await eventually(lambda: _is_ready(stack), READY_SECONDS, "the service is ready")
    endpoint = await stack.endpoint(NAME)
    async with httpx.AsyncClient(timeout=30) as client:
        answer = (await client.get(endpoint)).raise_for_status()
    _say(f"{endpoint} answers: {answer.text}")
    await stack.run("serve", "down", NAME, "-y")
    _say("the service is down")


async def _is_ready(stack: Stack) -> bool:
    status = (await stack.view(NAME)).status
    assert status.phase is not ServicePhase.FAILED, status.reason
    return bool(await stack.replicas(NAME, ReplicaPhase.READY))


async def _end_machines(settings: Settings) -> None:
    cloud, prefix = AwsCloud(settings), machine_prefix(installation_id(settings))
    for name, place in await cloud.owned(prefix):
        _say(f"ending {name}, which should be gone")
        await cloud.terminate([name], place.region)

    async def nothing_is_left() -> bool:
        return not await cloud.owned(prefix)

    await eventually(nothing_is_left, GONE_SECONDS, "no machine is left")
    group = prefix.removesuffix("-")
    _say(f"no machine is left; the security group {group} in {REGION} stays and costs nothing")


def _refuse(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 2


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
