from __future__ import annotations

import socket
from typing import Any

import asyncssh
import pytest
import yaml

from tests.clouds.access import Access
from tests.clouds.aws_bench.bench import AwsBench
from tests.clouds.aws_bench.program import call, run

pytestmark = [pytest.mark.usefixtures("machines"), pytest.mark.xdist_group("aws-bench")]

METADATA = "http://169.254.169.254/latest"
FETCH = f"""
import sys, urllib.request
def ask(path, method="GET", **headers):
    request = urllib.request.Request("{METADATA}/" + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return str(error.code)
seconds = {{"X-aws-ec2-metadata-token-ttl-seconds": "60"}}
token = {{"X-aws-ec2-metadata-token": ask("api/token", "PUT", **seconds)}}
for path in sys.argv[1:]:
    print(ask(path.lstrip("?"), **({{}} if path.startswith("?") else token)))
"""


def document(access: Access, **changes: Any) -> str:
    keys = access.keys
    user = {"name": "ubuntu", "ssh_authorized_keys": [keys.authorized_key], "shell": "/bin/bash"}
    host = {
        "ed25519_private": keys.host_private_key,
        "ed25519_public": keys.host_public_key,
    }
    return "#cloud-config\n" + yaml.safe_dump({"ssh_keys": host, "users": [user], **changes})


async def start(bench: AwsBench, access: Access, **more: Any) -> dict[str, Any]:
    """Start an instance with a machine; return what the account says of it."""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "replica-1"}]}]
    required = {"HttpTokens": "required"}
    usual = {"UserData": document(access), "TagSpecifications": tags, "MetadataOptions": required}
    instance = await run(bench, **{**usual, **more})
    return await described(bench, instance)


async def described(bench: AwsBench, instance: str) -> dict[str, Any]:
    answer = await call(bench, "describe_instances", InstanceIds=[instance])
    [found] = answer["Reservations"][0]["Instances"]
    return dict(found)


async def login(
    instance: dict[str, Any], access: Access, user: str = "ubuntu"
) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        instance["PrivateIpAddress"],
        config=None,
        username=user,
        client_keys=[access.client],
        known_hosts=([access.host.convert_to_public()], [], []),
    )


async def fetch(instance: dict[str, Any], access: Access, *paths: str) -> list[str]:
    """Ask the metadata service from inside; paths that begin with `?` without a token."""
    async with await login(instance, access) as connection:
        command = ["python3", "-", *(f"'{path}'" for path in paths)]
        done = await connection.run(" ".join(command), input=FETCH, check=True)
    return str(done.stdout).splitlines()


async def test_a_machine_is_reached_at_its_private_address_and_at_no_other_user_s_name(
    bench: AwsBench, access: Access
) -> None:
    instance = await start(bench, access)
    assert instance["PublicIpAddress"] == instance["PrivateIpAddress"]
    async with await login(instance, access) as connection:
        assert (await connection.run("echo $USER", check=True)).stdout == "ubuntu\n"
    with pytest.raises(asyncssh.PermissionDenied):
        await login(instance, access, user="root")


async def test_machines_end_with_their_instances_whoever_ends_them(
    bench: AwsBench, access: Access
) -> None:
    ours = await start(bench, access, token="a", TagSpecifications=[])
    other = await start(bench, access, token="b")
    await bench.terminate_behind_our_back("replica-1")
    await call(bench, "terminate_instances", InstanceIds=[ours["InstanceId"]])
    for instance in (ours, other):
        with pytest.raises(OSError):
            socket.create_connection((instance["PrivateIpAddress"], 22), 1)
    assert bench.ledger.existing() == []


async def test_a_machine_that_was_stopped_has_its_files_when_it_starts_again(
    bench: AwsBench, access: Access
) -> None:
    instance = await start(bench, access)
    async with await login(instance, access) as connection:
        await connection.run("echo kept > file", check=True)
    ids = [instance["InstanceId"]]
    await call(bench, "stop_instances", InstanceIds=ids)
    with pytest.raises(OSError):
        socket.create_connection((instance["PrivateIpAddress"], 22), 1)
    await call(bench, "start_instances", InstanceIds=ids)
    async with await login(await described(bench, ids[0]), access) as connection:
        assert (await connection.run("cat file", check=True)).stdout == "kept\n"


async def test_metadata_is_told_to_those_with_a_token_only(bench: AwsBench, access: Access) -> None:
    instance = await start(bench, access)
    paths = ("meta-data/instance-id", "?meta-data/instance-id", "meta-data/spot/instance-action")
    assert await fetch(instance, access, *paths) == [instance["InstanceId"], "401", "404"]


async def test_metadata_needs_no_token_where_the_instance_was_started_so(
    bench: AwsBench, access: Access
) -> None:
    instance = await start(bench, access, MetadataOptions={"HttpTokens": "optional"})
    assert await fetch(instance, access, "?meta-data/placement/region") == ["us-east-1"]


async def test_notices_are_told_once_they_are_given(bench: AwsBench, access: Access) -> None:
    instance = await start(bench, access)
    await bench.spot_notice("replica-1")
    await bench.rebalance("replica-1")
    paths = ("spot/instance-action", "events/recommendations/rebalance")
    action, rebalance = await fetch(instance, access, *(f"meta-data/{path}" for path in paths))
    assert '"action": "terminate"' in action
    assert '"noticeTime": "20' in rebalance


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"users": []}, "a list of one user"),
        ({"ssh_keys": {}}, "ed25519_private"),
        ({"runcmd": ["reboot"]}, "runcmd"),
    ],
)
async def test_user_data_that_gives_no_login_is_a_problem_of_the_test(
    bench: AwsBench, access: Access, changes: dict[str, Any], problem: str
) -> None:
    await start(bench, access, UserData=document(access, **changes))
    [found] = bench.problems
    assert problem in found
    bench.problems.clear()
