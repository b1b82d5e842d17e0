from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence

import psutil
import pytest

from skyflow.clouds.base import MachineState
from skyflow.clouds.local import marks
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.local.directory import REMOVING
from tests.clouds.access import Access, directory_of, processes_of, request
from tests.processes import name_of, running
from tests.waiting import eventually

NAME = "skyflow-test-1"
SERVERS = """
sleep 600 >/dev/null 2>&1 </dev/null &
setsid sleep 600 >/dev/null 2>&1 </dev/null &
(setsid bash -c 'sleep 600 & sleep 600' >/dev/null 2>&1 </dev/null &)
echo started
"""


async def test_terminate_ends_every_process_and_removes_every_file(
    cloud: LocalCloud, access: Access
) -> None:
    started = await start_servers(cloud, access)
    await cloud.terminate([NAME], "local")
    assert not running(started)
    assert not directory_of(cloud, NAME).path.exists()
    assert await cloud.owned("") == []
    assert [entry.event for entry in cloud.ledger.read()] == ["create", "delete"]


async def test_terminate_ends_a_daemon_that_cleared_its_environment(
    cloud: LocalCloud, access: Access
) -> None:
    daemons = await start_daemon(cloud, access)
    await cloud.terminate([NAME], "local")
    assert not running(daemons)


async def test_terminate_after_the_machine_was_killed_ends_what_it_left(
    cloud: LocalCloud, access: Access
) -> None:
    started = await start_servers(cloud, access)
    os.kill(holder(cloud), signal.SIGKILL)
    await eventually(lambda: directory_of(cloud, NAME).holder is None)
    await cloud.terminate([NAME], "local")
    assert not running(started)


async def test_terminate_after_the_machine_was_killed_ends_daemons_without_any_environment(
    cloud: LocalCloud, access: Access
) -> None:
    daemons = await start_daemon(cloud, access)
    os.kill(holder(cloud), signal.SIGKILL)
    await eventually(lambda: directory_of(cloud, NAME).holder is None)
    await cloud.terminate([NAME], "local")
    assert not running(daemons)


async def test_processes_of_machines_are_found_without_their_files(
    cloud: LocalCloud, access: Access
) -> None:
    await start_daemon(cloud, access)
    machines = directory_of(cloud, NAME).path.parent
    found = marks.processes_of_all(machines)
    assert [each.pid for each in found] == [
        each.pid for each in marks.processes_of(machines / NAME)
    ]
    assert len(found) == 2
    assert marks.processes_of_all(machines.parent) == []
    assert marks.processes_of(machines / "skyflow-test-2") == []


@pytest.mark.parametrize("left", ["home", "", "contact.json", "lock"])
async def test_a_machine_that_was_left_half_made_is_listed_and_terminated(
    cloud: LocalCloud, left: str
) -> None:
    path = directory_of(cloud, NAME).path
    path.mkdir(parents=True)
    if left:
        (path / left).mkdir() if left == "home" else (path / left).write_text("{")
    assert [name for name, _ in await cloud.owned("skyflow-")] == [NAME]
    await cloud.terminate([NAME], "local")
    assert await cloud.owned("") == []
    assert not path.exists()


async def test_a_machine_that_was_left_half_removed_is_listed_and_terminated(
    cloud: LocalCloud, access: Access
) -> None:
    path = directory_of(cloud, NAME).path
    removing = path.parent / REMOVING / NAME
    (removing / "home" / "data").mkdir(parents=True)
    assert [name for name, _ in await cloud.owned("skyflow-")] == [NAME]
    await cloud.terminate([NAME], "local")
    assert not removing.exists()


async def test_killed_machine_is_gone(cloud: LocalCloud, access: Access) -> None:
    await cloud.launch(request(), access.keys)
    assert await cloud.describe([NAME], "local") == {NAME: MachineState.RUNNING}
    os.kill(holder(cloud), signal.SIGKILL)
    await eventually(lambda: directory_of(cloud, NAME).holder is None)
    assert await cloud.describe([NAME], "local") == {NAME: MachineState.GONE}
    assert [name for name, _ in await cloud.owned("skyflow-test-")] == [NAME]


async def test_frozen_machine_is_terminated(cloud: LocalCloud, access: Access) -> None:
    started = await start_servers(cloud, access)
    os.kill(holder(cloud), signal.SIGSTOP)
    await cloud.terminate([NAME], "local")
    assert not running(started)


async def test_machine_whose_directory_was_removed_ends_itself(
    cloud: LocalCloud, access: Access
) -> None:
    started = await start_servers(cloud, access)
    shutil.rmtree(directory_of(cloud, NAME).path)
    await eventually(lambda: not running(started))


async def test_terminate_twice_and_of_unknown_names_is_no_error(
    cloud: LocalCloud, access: Access
) -> None:
    await cloud.launch(request(), access.keys)
    await cloud.terminate([NAME, NAME, "skyflow-test-unknown"], "local")
    await cloud.terminate([NAME], "local")
    assert [entry.event for entry in cloud.ledger.read()] == ["create", "delete"]


async def test_terminate_ends_nothing_of_another_machine(cloud: LocalCloud, access: Access) -> None:
    await cloud.launch(request(), access.keys)
    other = await cloud.launch(request("skyflow-test-11"), access.keys)
    await cloud.terminate([NAME], "local")
    assert await access.run(other, "echo alive") == "alive\n"


async def test_notice_in_the_directory_is_told(cloud: LocalCloud, access: Access) -> None:
    await cloud.launch(request(), access.keys)
    assert await cloud.notices([NAME], "local") == {}
    directory_of(cloud, NAME).notice.write_text("leaves at noon\n")
    assert await cloud.notices([NAME], "local") == {NAME: "leaves at noon"}


async def start_daemon(cloud: LocalCloud, access: Access) -> Sequence[psutil.Process]:
    """Launch a machine with a daemon that has cleared its environment and left its session."""
    machine = await cloud.launch(request(), access.keys)
    await access.run(machine, "(env -i setsid setsid -f sleep 600 >/dev/null 2>&1 </dev/null &)")
    own = psutil.Process(holder(cloud))

    def alone() -> list[psutil.Process]:
        found = own.children(recursive=True)
        return found if [name_of(each) for each in found] == ["sleep"] else []

    return await eventually(alone)


async def start_servers(cloud: LocalCloud, access: Access) -> Sequence[psutil.Process]:
    """Launch a machine with processes of several kinds; return all, the machine's own too."""
    machine = await cloud.launch(request(), access.keys)
    assert await access.run(machine, SERVERS) == "started\n"
    return await eventually(lambda: enough(processes_of(cloud, NAME), 6))


def enough(processes: list[psutil.Process], wanted: int) -> list[psutil.Process]:
    return processes if len(processes) >= wanted else []


def holder(cloud: LocalCloud) -> int:
    found = directory_of(cloud, NAME).holder
    assert found is not None
    return found
