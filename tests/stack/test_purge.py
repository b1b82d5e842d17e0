"""Purging an installation leaves nothing of it, and everything else, whatever state it is in."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from skyflow.clouds.base import MachineKeys, MachineRequest
from skyflow.clouds.fake import FakeCloud
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.local.marks import processes_of_all
from skyflow.config import Settings
from skyflow.errors import UsageError
from skyflow.installation import installation_id
from skyflow.naming import machine_name, machine_prefix
from skyflow.placement.offers import Place
from skyflow.processes import find_stack_members, find_supervisors
from skyflow.stack_purge import plan_purge, purge
from skyflow.stack_state import StackState, state_path
from skyflow.state import ServicePhase, ServiceStatus
from skyflow.storage.keyring import Keyring
from tests.processes import running
from tests.stack.conftest import Ensure

LOCAL = Place(cloud="local", region="local", zone="local", instance_type="local")
FAKE = Place(cloud="fake", region="east", zone="east-a", instance_type="small")


async def launched(settings: Settings) -> str:
    """Launch a machine of the installation; return its name."""
    name = machine_name(installation_id(settings), "0123abcd", 1, 0, 1)
    keys = Keyring.load(settings).machine_keys(name)
    await LocalCloud(settings).launch(MachineRequest(name=name, place=LOCAL, port=8080), keys)
    return name


@pytest.fixture
def settings(tmp_path: Path, settings: Settings) -> Settings:
    return Settings(home=settings.home, local_network="shared")


def nothing_runs(settings: Settings) -> bool:
    stack = [*find_supervisors(settings.home), *find_stack_members(settings.home)]
    return not stack and not processes_of_all(settings.machines)


async def test_nothing_is_left_and_a_stack_can_start_anew(
    settings: Settings, small_stack: Ensure
) -> None:
    await small_stack()
    await launched(settings)
    before = installation_id(settings)
    purged = await purge(settings)
    assert (purged.stopped, purged.machines, purged.left) == (True, 1, ())
    assert nothing_runs(settings)
    assert not settings.home.exists()
    assert (await small_stack()).ready
    assert installation_id(settings) != before


async def test_a_stack_whose_state_is_damaged_is_purged(
    settings: Settings, small_stack: Ensure
) -> None:
    await small_stack()
    state_path(settings).write_text("{")
    await purge(settings)
    assert nothing_runs(settings)
    assert not settings.home.exists()


async def test_what_is_left_after_everything_was_killed_is_purged(
    settings: Settings, small_stack: Ensure
) -> None:
    state = await small_stack()
    await launched(settings)
    kill_everything(settings, state)
    assert (await purge(settings)).machines == 1
    assert nothing_runs(settings)
    assert not settings.home.exists()


async def test_a_purge_that_was_broken_off_is_finished_by_the_next(settings: Settings) -> None:
    await launched(settings)
    shutil.rmtree(settings.keys)
    await purge(settings)
    await purge(settings)
    assert not settings.home.exists()


async def test_machines_whose_files_were_removed_by_hand_are_ended(settings: Settings) -> None:
    name = await launched(settings)
    [machine] = processes_of_all(settings.machines)
    machine.suspend()  # it would notice within seconds
    shutil.rmtree(settings.machines / name)
    await purge(settings)
    assert not running([machine])


async def test_files_that_were_never_finished_are_removed(settings: Settings) -> None:
    for name in ("keys/.master.key-x1_y2z3a", "stack/.state.json-abcdefgh"):
        path = settings.home / name
        path.parent.mkdir(parents=True)
        path.touch()
    await purge(settings)
    assert not settings.home.exists()


async def test_what_others_keep_in_the_same_directory_stays(settings: Settings) -> None:
    await launched(settings)
    kept = ["notes.txt", "keys/id_rsa", "store/mine", "machines/mine/disk", "stack/logs/mine.log"]
    for name in kept:
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    purged = await purge(settings)
    left = [path for path in settings.home.rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(settings.home)) for path in left) == sorted(kept)
    assert sorted(purged.left) == ["keys/id_rsa", "machines/mine", "stack/logs", "store/mine"]


async def test_prices_that_were_fetched_are_removed_and_the_users_own_stay(
    settings: Settings,
) -> None:
    settings.refreshed_prices.mkdir(parents=True)
    (settings.refreshed_prices / "aws.csv").write_text("prices")
    (settings.refreshed_prices / ".aws.csv-abcdefgh").write_text("half of them")
    settings.own_prices.write_text("mine")
    assert (await purge(settings)).left == ("catalog/prices.csv",)
    assert [path.name for path in settings.own_prices.parent.iterdir()] == ["prices.csv"]


async def test_a_store_elsewhere_is_emptied_and_its_link_removed(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "disk" / "services" / "0123abcd").mkdir(parents=True)
    settings.home.mkdir()
    settings.store.symlink_to(tmp_path / "disk")
    await purge(settings)
    assert list((tmp_path / "disk").iterdir()) == []
    assert not settings.home.exists()


async def test_machines_at_another_cloud_forbid_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.json"
    place = {"region": "east", "zone": "east-a", "hourly_price": 1}
    script.write_text(json.dumps({"machines": "none", "places": [place]}))
    monkeypatch.setenv("SKYFLOW_FAKE_CLOUD", str(script))
    name = machine_prefix(installation_id(settings)) + "0123abcd-1-0-1"
    keys = MachineKeys(host_private_key="", host_public_key="", authorized_key="")
    request = MachineRequest(name=name, place=FAKE, port=8080)
    await FakeCloud(settings, script).launch(request, keys)
    with pytest.raises(UsageError, match="machines at other clouds: fake") as refused:
        await plan_purge(settings, None, None)
    assert "skyflow serve down --all" in (refused.value.remedy or "")


async def test_services_in_a_temporal_elsewhere_forbid_it(settings: Settings) -> None:
    status = ServiceStatus(
        api_version=1,
        service="hello",
        incarnation="0123abcd",
        phase=ServicePhase.READY,
        version=1,
        spec_digest="",
        target=1,
        started_at=0,
        updated_at=0,
    )
    with pytest.raises(UsageError, match=r"Temporal at there:7233: hello"):
        await plan_purge(settings, [status], "there:7233")


def kill_everything(settings: Settings, state: StackState) -> None:
    assert state.supervisor is not None
    state.supervisor.send(signal.SIGKILL)
    for member in find_stack_members(settings.home):
        member.identity.send(signal.SIGKILL)
    for process in processes_of_all(settings.machines):
        os.kill(process.pid, signal.SIGKILL)
