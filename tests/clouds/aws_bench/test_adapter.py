"""The `aws` cloud when calls fail in every way that Amazon's may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from skyflow.clouds.aws.cloud import AwsCloud
from skyflow.clouds.base import MachineRequest, MachineState
from skyflow.errors import (
    CloudError,
    CredentialsError,
    InvalidRequest,
    NoCapacity,
    QuotaExceeded,
)
from skyflow.placement.offers import Place
from tests.clouds.access import Access
from tests.clouds.aws_bench.bench import REGION, AwsBench
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("aws-bench")

NAME = "skyflow-0a1b2c3d-00ff-1-0-1"
ZONE = "us-east-1b"


def request(name: str = NAME, **fields: Any) -> MachineRequest:
    spot = fields.pop("use_spot", False)
    place = Place(cloud="aws", region=REGION, zone=ZONE, instance_type="m5.large", use_spot=spot)
    return MachineRequest(**{"name": name, "place": place, "port": 8080, **fields})


async def state(aws: AwsCloud, name: str = NAME) -> MachineState:
    return (await aws.describe([name], REGION))[name]


@pytest.mark.usefixtures("machines")
async def test_a_machine_lets_in_whom_its_user_data_names(
    aws: AwsCloud, bench: AwsBench, access: Access
) -> None:
    machine = await aws.launch(request(), access.keys)
    assert await access.run(machine, "echo $USER") == "ubuntu\n"
    [instance] = await bench.instances()
    assert (instance.zone, instance.token_needed) == (ZONE, True)
    await aws.terminate([NAME], REGION)
    with pytest.raises(OSError):
        await access.connect(machine)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InsufficientInstanceCapacity", NoCapacity),
        ("SpotMaxPriceTooLow", NoCapacity),
        ("VcpuLimitExceeded", QuotaExceeded),
        ("MaxSpotInstanceCountExceeded", QuotaExceeded),
        ("UnauthorizedOperation", CredentialsError),
        ("OptInRequired", CredentialsError),
        ("Unsupported", InvalidRequest),
    ],
)
async def test_a_refusal_is_told_as_what_it_means_after_one_call(
    aws: AwsCloud, bench: AwsBench, access: Access, code: str, kind: type[CloudError]
) -> None:
    bench.refuse(code)
    with pytest.raises(CloudError, match=code) as caught:
        await aws.launch(request(), access.keys)
    assert type(caught.value) is kind
    assert caught.value.remedy
    assert len(bench.calls("RunInstances")) == 1


@pytest.mark.parametrize("tokens", [True, False])
async def test_a_lost_answer_leaves_one_machine(
    aws: AwsCloud, bench: AwsBench, access: Access, tokens: bool
) -> None:
    if not tokens:
        bench.ignore_client_tokens()
    bench.lose_answer("RunInstances", times=2)
    machine = await aws.launch(request(), access.keys)
    [instance] = await bench.instances()
    assert len(await bench.instances(gone=True)) == (1 if tokens else 3)
    assert instance.tags["skyflow-machine"] == NAME
    assert await aws.launch(request(), access.keys) == machine
    assert bench.ledger.existing() == [instance.instance_id]


async def test_a_lost_answer_to_the_end_of_a_machine_ends_it(
    aws: AwsCloud, bench: AwsBench, access: Access
) -> None:
    await aws.launch(request(), access.keys)
    bench.lose_answer("TerminateInstances")
    await aws.terminate([NAME], REGION)
    assert await bench.instances() == []
    assert bench.ledger.existing() == []


async def test_one_who_gives_up_while_an_answer_is_held_finds_what_was_made(
    aws: AwsCloud, bench: AwsBench, access: Access
) -> None:
    bench.hold_answer("RunInstances")
    launching = asyncio.create_task(aws.launch(request(), access.keys))
    await eventually(lambda: bench.ledger.existing())
    launching.cancel()
    bench.release()
    with pytest.raises(asyncio.CancelledError):
        await launching
    assert [name for name, _ in await aws.owned("skyflow-0a1b2c3d-")] == [NAME]
    await aws.terminate([NAME], REGION)
    assert await bench.instances() == []


async def test_everything_works_while_a_third_of_the_calls_is_throttled(
    aws: AwsCloud, bench: AwsBench, access: Access
) -> None:
    bench.throttle(0.3, seed=7)
    names = [f"{NAME}{number}" for number in range(3)]
    await asyncio.gather(*(aws.launch(request(name), access.keys) for name in names))
    assert set((await aws.describe(names, REGION)).values()) == {MachineState.RUNNING}
    assert len(await bench.instances()) == 3
    await aws.terminate(names, REGION)
    assert await bench.instances() == []


async def test_expired_credentials_are_an_error_that_says_so_until_they_are_renewed(
    aws: AwsCloud, bench: AwsBench, access: Access
) -> None:
    await aws.launch(request(), access.keys)
    bench.expire_credentials()
    for call in (aws.launch(request(f"{NAME}1"), access.keys), aws.describe([NAME], REGION)):
        with pytest.raises(CredentialsError) as caught:
            await call
        assert "renew the credentials" in str(caught.value.remedy)
    bench.renew_credentials()
    assert await state(aws) is MachineState.RUNNING
    assert len(await bench.instances()) == 1


async def test_a_machine_that_was_ended_in_the_console_is_gone(
    aws: AwsCloud, bench: AwsBench, access: Access
) -> None:
    await aws.launch(request(), access.keys)
    await bench.terminate_behind_our_back(NAME)
    assert await state(aws) is MachineState.GONE
    assert await aws.owned("skyflow-") == []


async def test_a_spot_machine_is_told_of_its_end_and_ends(
    aws: AwsCloud, bench: AwsBench, access: Access
) -> None:
    await aws.launch(request(use_spot=True), access.keys)
    await aws.launch(request(f"{NAME}1", use_spot=True), access.keys)
    assert await aws.notices([NAME, f"{NAME}1"], REGION) == {}
    await bench.spot_notice(NAME)
    notices = await aws.notices([NAME, f"{NAME}1"], REGION)
    assert list(notices) == [NAME]
    assert "marked-for-termination" in notices[NAME]
    await bench.interrupt(NAME)
    assert await state(aws) is MachineState.PREEMPTED


async def test_what_a_former_run_left_is_found_and_ended(
    aws: AwsCloud, bench: AwsBench, access: Access, settings: Any
) -> None:
    await aws.launch(request(), access.keys)
    other = AwsCloud(settings)
    await other.launch(request("skyflow-99999999-00ff-1-0-1"), access.keys)
    # Nothing but its tags says whose an instance is.
    [(name, place)] = await AwsCloud(settings).owned("skyflow-0a1b2c3d-")
    assert (name, place) == (NAME, request().place)
    await AwsCloud(settings).terminate([name], place.region)
    [left] = await bench.instances()
    assert left.tags["skyflow-machine"] == "skyflow-99999999-00ff-1-0-1"


async def test_an_image_that_does_not_exist_is_refused_and_nothing_starts(
    aws: AwsCloud, bench: AwsBench, access: Access
) -> None:
    with pytest.raises(InvalidRequest, match="ami-0123456789abcdef0") as caught:
        await aws.launch(request(image="ami-0123456789abcdef0"), access.keys)
    assert caught.value.remedy
    assert await bench.instances(gone=True) == []
