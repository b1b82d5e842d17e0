"""Interruption notices reach whoever waits for them, and a cloud is asked once for all."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from skyflow.clouds.base import Machine, MachineKeys, MachineRequest
from skyflow.clouds.fake import SCRIPT_VARIABLE, FakeCloud
from skyflow.config import Settings
from skyflow.placement.offers import Place
from skyflow.watching.notices import NoticeBoard
from tests.waiting import eventually

KEYS = MachineKeys(host_private_key="", host_public_key="", authorized_key="")
PLACE = Place(cloud="fake", region="r", zone="a", instance_type="small", use_spot=True)
SCRIPT = {
    "machines": "none",
    "places": [{"region": "r", "zone": "a", "use_spot": True, "hourly_price": 1}],
}


@pytest.fixture
async def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    script = tmp_path / "cloud.json"
    script.write_text(json.dumps(SCRIPT))
    monkeypatch.setenv(SCRIPT_VARIABLE, str(script))
    return FakeCloud(Settings(home=tmp_path))


async def launched(cloud: FakeCloud, name: str) -> Machine:
    return await cloud.launch(MachineRequest(name=name, place=PLACE, port=8080), KEYS)


async def test_each_is_told_of_its_own_machine_only(cloud: FakeCloud, tmp_path: Path) -> None:
    board = NoticeBoard(Settings(home=tmp_path), look_seconds=0.01)
    first, second = await launched(cloud, "skyflow-1"), await launched(cloud, "skyflow-2")
    waiting = [asyncio.create_task(board.notice(machine)) for machine in (first, second, first)]
    await cloud.preempt(first.name, notice_seconds=60)
    async with asyncio.timeout(10):
        told = await asyncio.gather(waiting[0], waiting[2])
    assert [notice.startswith("preemption at ") for notice in told] == [True, True]
    assert not waiting[1].done()
    waiting[1].cancel()


async def test_a_cloud_that_cannot_be_asked_is_asked_again(
    cloud: FakeCloud, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    board = NoticeBoard(Settings(home=tmp_path), look_seconds=0.01)
    machine = await launched(cloud, "skyflow-1")
    await cloud.preempt(machine.name, notice_seconds=60)
    script = tmp_path / "cloud.json"
    whole = script.read_text()
    script.write_text("{")
    waiting = asyncio.create_task(board.notice(machine))
    await eventually(lambda: "notices of fake/r cannot be read" in caplog.text)
    script.write_text(whole)
    async with asyncio.timeout(10):
        assert await waiting


async def test_nobody_is_asked_when_nobody_waits(cloud: FakeCloud, tmp_path: Path) -> None:
    board = NoticeBoard(Settings(home=tmp_path), look_seconds=0.01)
    waiting = asyncio.create_task(board.notice(await launched(cloud, "skyflow-1")))
    await eventually(_asking)
    waiting.cancel()
    await eventually(lambda: not _asking())


def _asking() -> bool:
    return any("_ask_for_ever" in repr(task) for task in asyncio.all_tasks())
