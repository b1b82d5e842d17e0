from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import asyncssh
import pytest

from skyflow.clouds.base import Machine, MachineState
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import Settings
from skyflow.errors import CloudError, InvalidRequest
from tests.clouds.access import Access, directory_of, new_key, processes_of, request
from tests.waiting import eventually


async def test_machine_runs_bash_in_its_own_home(cloud: LocalCloud, access: Access) -> None:
    machine = await cloud.launch(request(), access.keys)
    output = await access.run(machine, "echo $HOME; pwd; echo $BASH")
    home = str(directory_of(cloud, machine.name).home)
    assert output.splitlines()[:2] == [home, home]
    assert output.splitlines()[2].endswith("bash")


async def test_another_key_may_not_log_in(cloud: LocalCloud, access: Access) -> None:
    machine = await cloud.launch(request(), access.keys)
    with pytest.raises(asyncssh.PermissionDenied):
        await access.connect(machine, new_key())


async def test_second_launch_of_a_name_returns_the_same_machine(
    cloud: LocalCloud, access: Access
) -> None:
    first = await cloud.launch(request(), access.keys)
    assert await cloud.launch(request(), access.keys) == first
    assert [entry.event for entry in cloud.ledger.read()] == ["create"]


async def test_launches_of_a_name_at_once_from_several_processes_make_one_machine(
    cloud: LocalCloud, access: Access, tmp_path: Path
) -> None:
    answers = await asyncio.gather(
        launch_elsewhere(cloud, access, tmp_path),
        launch_elsewhere(cloud, access, tmp_path),
        cloud.launch(request(), access.keys),
        cloud.launch(request(), access.keys),
    )
    assert len({machine.model_dump_json() for machine in answers}) == 1
    assert len(cloud.ledger.read()) == 1
    assert len(processes_of(cloud, "skyflow-test-1")) == 1


async def test_machine_outlives_the_process_that_launched_it(
    cloud: LocalCloud, access: Access, tmp_path: Path
) -> None:
    machine = await launch_elsewhere(cloud, access, tmp_path)
    assert await access.run(machine, "echo alive") == "alive\n"


async def test_ten_launches_at_once_share_no_address_and_port(
    cloud: LocalCloud, access: Access
) -> None:
    names = [f"skyflow-test-{number}" for number in range(10)]
    machines = await asyncio.gather(*(cloud.launch(request(name), access.keys) for name in names))
    assert len({(machine.address, machine.replica_port) for machine in machines}) == 10
    assert len({(machine.address, machine.ssh_port) for machine in machines}) == 10


async def test_cancelled_launch_leaves_nothing_that_terminate_does_not_end(
    cloud: LocalCloud, access: Access
) -> None:
    launch = asyncio.ensure_future(cloud.launch(request(), access.keys))
    await eventually(lambda: processes_of(cloud, "skyflow-test-1"))
    launch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await launch
    await cloud.terminate(["skyflow-test-1"], "local")
    assert not processes_of(cloud, "skyflow-test-1")
    assert not await cloud.owned("")
    assert cloud.ledger.existing() == []


@pytest.mark.parametrize("steps", range(4))
async def test_terminate_during_launch_leaves_nothing(
    cloud: LocalCloud, access: Access, steps: int
) -> None:
    launch = asyncio.ensure_future(cloud.launch(request(), access.keys))
    directory = directory_of(cloud, "skyflow-test-1")
    moments = [lambda: True, directory.path.exists, directory.lock.exists, lambda: directory.holder]
    await eventually(moments[steps])
    await cloud.terminate(["skyflow-test-1"], "local")
    with pytest.raises(CloudError):
        await launch
    assert not processes_of(cloud, "skyflow-test-1")
    assert not await cloud.owned("")
    assert cloud.ledger.existing() == []


async def test_name_of_a_terminated_machine_is_never_launched_again(
    cloud: LocalCloud, access: Access
) -> None:
    await cloud.terminate(["skyflow-test-1"], "local")
    with pytest.raises(InvalidRequest, match="was terminated"):
        await cloud.launch(request(), access.keys)
    assert not await cloud.owned("")


async def test_failed_launch_tells_what_the_machine_said(cloud: LocalCloud, access: Access) -> None:
    keys = access.keys.model_copy(update={"host_private_key": "not a key"})
    with pytest.raises(CloudError, match=r"(?s)skyflow-test-1 did not start.*KeyImportError"):
        await cloud.launch(request(), keys)
    assert (await cloud.describe(["skyflow-test-1"], "local")) == {
        "skyflow-test-1": MachineState.GONE
    }


async def test_launch_after_a_failed_one_succeeds(cloud: LocalCloud, access: Access) -> None:
    broken = access.keys.model_copy(update={"host_private_key": "not a key"})
    with pytest.raises(CloudError):
        await cloud.launch(request(), broken)
    machine = await cloud.launch(request(), access.keys)
    assert await access.run(machine, "echo alive") == "alive\n"


async def test_name_that_leaves_the_directory_is_refused(cloud: LocalCloud, access: Access) -> None:
    with pytest.raises(InvalidRequest, match="cannot name a machine"):
        await cloud.launch(request("../outside"), access.keys)
    await cloud.terminate(["../outside"], "local")


async def test_home_with_a_very_long_path_works(
    access: Access, tmp_path: Path, cloud: LocalCloud
) -> None:
    home = tmp_path.joinpath(*["long" * 20] * 6)
    distant = LocalCloud(
        Settings(home=home, local_network=cloud.network_mode(), local_outbound="none")
    )
    try:
        machine = await distant.launch(request(), access.keys)
        assert await access.run(machine, "echo alive") == "alive\n"
    finally:
        await distant.terminate(["skyflow-test-1"], "local")


async def launch_elsewhere(cloud: LocalCloud, access: Access, tmp_path: Path) -> Machine:
    """Launch from a process that ends with the launch."""
    given = {
        "home": str(tmp_path / "home"),
        "network": cloud.network_mode(),
        "keys": access.keys.model_dump(),
        "request": request().model_dump(),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.clouds.launching",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(json.dumps(given).encode())
    assert process.returncode == 0
    return Machine.model_validate_json(output)
