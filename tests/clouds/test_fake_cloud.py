from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skyflow.clouds.base import MachineRequest, MachineState
from skyflow.clouds.fake import FakeCloud
from skyflow.config import Settings
from skyflow.errors import (
    CloudError,
    CredentialsError,
    InvalidRequest,
    NoCapacity,
    QuotaExceeded,
    UsageError,
)
from skyflow.placement.offers import Place
from tests.clouds.access import Access
from tests.waiting import eventually

MakeCloud = Callable[..., FakeCloud]
PLACE = Place(cloud="fake", region="r1", zone="r1-a", instance_type="small")


@pytest.fixture
def make(settings: Settings, tmp_path: Path) -> MakeCloud:
    def write(machines: str = "none", **place: Any) -> FakeCloud:
        path = tmp_path / "script.json"
        entry = {"region": "r1", "zone": "r1-a", "hourly_price": 1, **place}
        path.write_text(json.dumps({"machines": machines, "places": [entry]}))
        return FakeCloud(settings, path)

    return write


def request(name: str = "skyflow-test-1", use_spot: bool = False) -> MachineRequest:
    place = PLACE.model_copy(update={"use_spot": use_spot})
    return MachineRequest(name=name, place=place, port=8080)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("capacity", NoCapacity),
        ("quota", QuotaExceeded),
        ("credentials", CredentialsError),
        ("invalid", InvalidRequest),
        ("transient", CloudError),
    ],
)
async def test_launch_fails_as_the_script_says(
    make: MakeCloud, access: Access, kind: str, error: type[CloudError]
) -> None:
    cloud = make(failures=[{"kind": kind, "times": 1, "message": "as the script says"}])
    with pytest.raises(error, match="as the script says") as caught:
        await cloud.launch(request(), access.keys)
    assert type(caught.value) is error
    assert cloud.ledger.read() == []
    assert (await cloud.launch(request(), access.keys)).address == "127.0.0.1"


async def test_lost_answer_leaves_a_machine_that_the_next_launch_finds(
    make: MakeCloud, access: Access
) -> None:
    cloud = make(failures=[{"kind": "lost"}])
    with pytest.raises(CloudError, match="lost"):
        await cloud.launch(request(), access.keys)
    assert await cloud.owned("skyflow-test-") == [("skyflow-test-1", PLACE)]
    await cloud.launch(request(), access.keys)
    assert cloud.ledger.existing() == ["skyflow-test-1"]
    assert len(cloud.ledger.read()) == 1


async def test_place_holds_no_more_than_its_capacity(make: MakeCloud, access: Access) -> None:
    cloud = make(capacity=1)
    await cloud.launch(request("skyflow-test-1"), access.keys)
    with pytest.raises(NoCapacity):
        await cloud.launch(request("skyflow-test-2"), access.keys)
    await cloud.terminate(["skyflow-test-1"], "r1")
    await cloud.launch(request("skyflow-test-3"), access.keys)


async def test_launches_at_once_do_not_exceed_the_capacity(make: MakeCloud, access: Access) -> None:
    cloud = make(capacity=3)
    launches = (cloud.launch(request(f"skyflow-test-{n}"), access.keys) for n in range(8))
    answers = await asyncio.gather(*launches, return_exceptions=True)
    assert sum(isinstance(answer, NoCapacity) for answer in answers) == 5
    assert len(cloud.ledger.existing()) == 3


async def test_editing_the_script_changes_the_cloud_at_once(
    make: MakeCloud, access: Access
) -> None:
    cloud = make(capacity=0)
    with pytest.raises(NoCapacity):
        await cloud.launch(request(), access.keys)
    make(capacity=1)
    await cloud.launch(request(), access.keys)


async def test_spot_machines_beyond_a_shrunken_capacity_are_preempted(
    make: MakeCloud, access: Access
) -> None:
    cloud = make(capacity=2, use_spot=True)
    for name in ("skyflow-test-1", "skyflow-test-2"):
        await cloud.launch(request(name, use_spot=True), access.keys)
    make(capacity=1, use_spot=True)
    states = await cloud.describe(["skyflow-test-1", "skyflow-test-2"], "r1")
    assert list(states.values()) == [MachineState.RUNNING, MachineState.PREEMPTED]
    assert cloud.ledger.existing() == ["skyflow-test-1"]


async def test_notice_of_a_scheduled_preemption_is_told(make: MakeCloud, access: Access) -> None:
    cloud = make()
    await cloud.launch(request(), access.keys)
    make(preemptions=[{"at": 600, "notice_seconds": 600}])
    assert "preemption at" in (await cloud.notices(["skyflow-test-1"], "r1"))["skyflow-test-1"]
    assert await state_is(cloud, MachineState.RUNNING)


async def test_preemption_on_command_is_seen_by_every_process(
    make: MakeCloud, access: Access
) -> None:
    cloud, other = make(), make()
    await cloud.launch(request(), access.keys)
    await other.preempt("skyflow-test-1")
    assert await state_is(cloud, MachineState.PREEMPTED)
    assert [entry.reason for entry in cloud.ledger.read()] == ["", "preempted"]


async def test_preempted_machine_is_gone_once_it_was_terminated(
    make: MakeCloud, access: Access
) -> None:
    cloud = make()
    await cloud.launch(request(), access.keys)
    await cloud.preempt("skyflow-test-1")
    await cloud.terminate(["skyflow-test-1"], "r1")
    assert await state_is(cloud, MachineState.GONE)
    assert len(cloud.ledger.read()) == 2


async def test_name_of_a_terminated_machine_is_never_launched_again(
    make: MakeCloud, access: Access
) -> None:
    cloud = make()
    await cloud.terminate(["skyflow-test-1"], "r1")
    with pytest.raises(InvalidRequest):
        await cloud.launch(request(), access.keys)


async def test_cancelled_launch_leaves_a_machine_that_terminate_ends(
    make: MakeCloud, access: Access
) -> None:
    cloud = make(launch_seconds=600)
    launch = asyncio.ensure_future(cloud.launch(request(), access.keys))
    await eventually(lambda: state_is(cloud, MachineState.STARTING))
    launch.cancel()
    await asyncio.gather(launch, return_exceptions=True)
    assert [name for name, _ in await cloud.owned("")] == ["skyflow-test-1"]
    await cloud.terminate(["skyflow-test-1"], "r1")
    assert cloud.ledger.existing() == []


async def test_machines_are_real_and_preemption_ends_them(make: MakeCloud, access: Access) -> None:
    cloud = make(machines="local")
    machine = await cloud.launch(request(), access.keys)
    try:
        assert machine.place == PLACE
        assert await access.run(machine, "echo alive") == "alive\n"
        await cloud.preempt("skyflow-test-1")
        with pytest.raises(OSError):
            await access.connect(machine)
    finally:
        await cloud.terminate(["skyflow-test-1"], "r1")


async def test_end_of_a_real_machine_is_noticed(make: MakeCloud, access: Access) -> None:
    cloud = make(machines="local")
    machine = await cloud.launch(request(), access.keys)
    try:
        async with await access.connect(machine) as connection:
            await connection.run("kill -9 $PPID")
        await eventually(lambda: state_is(cloud, MachineState.GONE))
    finally:
        await cloud.terminate(["skyflow-test-1"], "r1")


async def test_unknown_place_is_refused(make: MakeCloud, access: Access) -> None:
    elsewhere = PLACE.model_copy(update={"region": "r9"})
    with pytest.raises(InvalidRequest, match="fake/r9"):
        await make().launch(MachineRequest(name="a", place=elsewhere, port=1), access.keys)


async def test_preemption_of_an_unknown_machine_is_refused(make: MakeCloud) -> None:
    with pytest.raises(UsageError, match="no machine skyflow-test-9"):
        await make().preempt("skyflow-test-9")


@pytest.mark.parametrize("text", ["{", "[]", '{"places": 3}', '{"places": [], "machine": "none"}'])
async def test_invalid_script_makes_the_cloud_unusable_and_says_why(
    settings: Settings, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "script.json"
    path.write_text(text)
    check = await FakeCloud(settings, path).check()
    assert not check.enabled
    assert str(path) in check.detail


async def state_is(cloud: FakeCloud, wanted: MachineState) -> bool:
    return (await cloud.describe(["skyflow-test-1"], "r1"))["skyflow-test-1"] is wanted
