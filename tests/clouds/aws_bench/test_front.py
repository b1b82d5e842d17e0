from __future__ import annotations

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.clouds.aws_bench.bench import AwsBench
from tests.clouds.aws_bench.images import IMAGES
from tests.clouds.aws_bench.program import UBUNTU, call, run
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("aws-bench")


async def refusal(bench: AwsBench, action: str = "run", **parameters: Any) -> tuple[str, int]:
    """Return the code and HTTP status of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        await (run(bench, **parameters) if action == "run" else call(bench, action, **parameters))
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


async def test_instances_start_and_end(bench: AwsBench) -> None:
    first, second = await run(bench, "a"), await run(bench, "b")
    await call(bench, "terminate_instances", InstanceIds=[first])
    assert [each.instance_id for each in await bench.instances()] == [second]
    assert bench.ledger.existing() == [second]
    assert [entry.event for entry in bench.ledger.read()] == ["create", "create", "delete"]


async def test_a_client_token_stands_for_one_instance(bench: AwsBench) -> None:
    first = await run(bench)
    assert await run(bench) == first
    await call(bench, "terminate_instances", InstanceIds=[first])
    again = await call(
        bench,
        "run_instances",
        ImageId=UBUNTU.image_id,
        InstanceType="t3.small",
        ClientToken="token",
        MinCount=1,
        MaxCount=1,
    )
    assert again["Instances"][0]["State"] == {"Code": 48, "Name": "terminated"}
    assert len(await bench.instances(gone=True)) == 1


async def test_a_client_token_with_other_parameters_is_refused(bench: AwsBench) -> None:
    await run(bench)
    assert await refusal(bench, InstanceType="t3.large") == ("IdempotentParameterMismatch", 400)


async def test_calls_with_one_client_token_at_once_make_one_instance(bench: AwsBench) -> None:
    started = await asyncio.gather(*(run(bench) for _ in range(4)))
    assert len(set(started)) == 1


async def test_without_tokens_each_call_makes_an_instance_as_at_moto(bench: AwsBench) -> None:
    bench.ignore_client_tokens()
    assert await run(bench) != await run(bench)


async def test_a_refused_call_has_no_effect_and_does_not_use_up_its_token(bench: AwsBench) -> None:
    bench.refuse("InsufficientInstanceCapacity", times=1)
    assert await refusal(bench) == ("InsufficientInstanceCapacity", 500)
    assert await bench.instances() == []
    assert await run(bench)


async def test_refusals_concern_what_they_name(bench: AwsBench) -> None:
    bench.refuse("VcpuLimitExceeded", instance_type="t3.large")
    bench.refuse("InsufficientInstanceCapacity", zone="us-east-1b")
    bench.refuse("MaxSpotInstanceCountExceeded", spot=True)
    bench.refuse("OptInRequired", region="us-west-2")
    subnets = (await call(bench, "describe_subnets"))["Subnets"]
    [there] = [each["SubnetId"] for each in subnets if each["AvailabilityZone"] == "us-east-1b"]
    spot = {"MarketType": "spot"}
    assert await refusal(bench, InstanceType="t3.large") == ("VcpuLimitExceeded", 400)
    assert await refusal(bench, SubnetId=there) == ("InsufficientInstanceCapacity", 500)
    refused = await refusal(bench, InstanceMarketOptions=spot)
    assert refused == ("MaxSpotInstanceCountExceeded", 400)
    assert await refusal(bench, region="us-west-2") == ("OptInRequired", 401)
    assert await run(bench)


async def test_a_refusal_can_be_taken_back(bench: AwsBench) -> None:
    refused = bench.refuse("UnauthorizedOperation")
    assert await refusal(bench) == ("UnauthorizedOperation", 403)
    bench.allow(refused)
    assert await run(bench)


async def test_an_answer_is_lost_after_its_effect(bench: AwsBench) -> None:
    bench.lose_answer("RunInstances")
    with pytest.raises(ConnectionClosedError):
        await run(bench)
    [instance] = await bench.instances()
    assert await run(bench) == instance.instance_id


async def test_an_answer_that_is_held_comes_when_it_is_released(bench: AwsBench) -> None:
    bench.hold_answer("RunInstances", times=2)
    with pytest.raises(ReadTimeoutError):
        await run(bench, wait=0.3)
    started = asyncio.create_task(run(bench))
    await eventually(lambda: len(bench.calls("RunInstances")) == 2)
    bench.release()
    assert await started == (await bench.instances())[0].instance_id


async def test_a_share_of_the_calls_is_throttled_the_same_for_the_same_seed(
    bench: AwsBench,
) -> None:
    seen = []
    for _ in range(2):
        bench.throttle(0.5, seed=3)
        seen.append([await throttled(bench) for _ in range(12)])
    assert seen[0] == seen[1]
    assert 2 <= sum(seen[0]) <= 10
    bench.throttle(1, seed=3)
    assert await refusal(bench) == ("RequestLimitExceeded", 503)
    name = {"service": "ssm", "Name": UBUNTU.parameter}
    assert await refusal(bench, "get_parameter", **name) == ("ThrottlingException", 400)


async def throttled(bench: AwsBench) -> bool:
    try:
        await call(bench, "describe_vpcs")
    except ClientError:
        return True
    return False


async def test_credentials_expire_for_every_service(bench: AwsBench) -> None:
    bench.expire_credentials()
    assert await refusal(bench) == ("RequestExpired", 400)
    assert await refusal(bench, "get_caller_identity", service="sts") == ("ExpiredToken", 403)
    assert await refusal(bench, "list_buckets", service="s3") == ("ExpiredToken", 400)
    bench.renew_credentials()
    assert await run(bench)


async def test_public_images_are_found_by_their_parameters(bench: AwsBench) -> None:
    for image in IMAGES:
        found = await call(bench, "get_parameter", service="ssm", Name=image.parameter)
        shown = await call(bench, "describe_images", ImageIds=[found["Parameter"]["Value"]])
        assert [each["Name"] for each in shown["Images"]] == [image.name]
        assert [each["Architecture"] for each in shown["Images"]] == [image.architecture]
    several = [UBUNTU.parameter, "/aws/service/nothing"]
    answer = await call(bench, "get_parameters", service="ssm", Names=several)
    assert answer["InvalidParameters"] == ["/aws/service/nothing"]


async def test_images_and_parameters_that_do_not_exist_are_refused(bench: AwsBench) -> None:
    assert (await refusal(bench, ImageId="ami-00000000000000000"))[0] == "InvalidAMIID.NotFound"
    nothing = {"service": "ssm", "Name": "/aws/service/canonical/ubuntu/server/1.04/ami-id"}
    assert (await refusal(bench, "get_parameter", **nothing))[0] == "ParameterNotFound"


async def test_other_services_are_passed_on(bench: AwsBench) -> None:
    await call(bench, "create_bucket", service="s3", Bucket="models")
    await call(bench, "put_object", service="s3", Bucket="models", Key="a/b c", Body=b"weights")
    read = await call(bench, "get_object", service="s3", Bucket="models", Key="a/b c")
    assert read["ContentLength"] == 7
    head = await call(bench, "head_object", service="s3", Bucket="models", Key="a/b c")
    assert head["ContentLength"] == 7


async def test_an_interrupted_instance_says_so(bench: AwsBench) -> None:
    instance = await run(
        bench,
        InstanceMarketOptions={"MarketType": "spot"},
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "replica-1"}]}
        ],
    )
    await bench.interrupt("replica-1")
    answer = await call(bench, "describe_instances", InstanceIds=[instance])
    [found] = answer["Reservations"][0]["Instances"]
    assert found["State"]["Name"] == "terminated"
    assert found["StateReason"]["Code"] == "Server.SpotInstanceTermination"
