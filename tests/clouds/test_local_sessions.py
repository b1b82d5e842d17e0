from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from skyflow.clouds.base import Machine
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import Settings
from tests.clouds.access import Access, directory_of, processes_of
from tests.clouds.access import request as a_request
from tests.clouds.conftest import MODES
from tests.waiting import eventually


@pytest.fixture(scope="module", params=MODES)
async def machine(
    access: Access, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Machine]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, local_network=request.param, local_outbound="none")
    cloud = LocalCloud(settings)
    yield await cloud.launch(a_request(), access.keys)
    await cloud.terminate([a_request().name], "local")


async def test_streams_are_binary_safe_both_ways(machine: Machine, access: Access) -> None:
    data = os.urandom(3_000_000)
    async with await access.connect(machine) as connection:
        done = await connection.run("tee /dev/stderr", input=data, encoding=None, check=True)
    assert done.stdout == data
    assert done.stderr == data


async def test_output_arrives_while_the_command_runs(machine: Machine, access: Access) -> None:
    async with await access.connect(machine) as connection:
        process = await connection.create_process("echo first; read line; echo got $line")
        assert await process.stdout.readline() == "first\n"
        process.stdin.write("second\n")
        assert await process.stdout.readline() == "got second\n"


async def test_exit_status_is_passed_on(machine: Machine, access: Access) -> None:
    async with await access.connect(machine) as connection:
        assert (await connection.run("exit 37")).exit_status == 37


async def test_signal_that_ended_a_command_is_passed_on(machine: Machine, access: Access) -> None:
    async with await access.connect(machine) as connection:
        done = await connection.run("kill -9 $$")
    assert done.exit_signal is not None
    assert done.exit_signal[0] == "KILL"


async def test_signal_without_a_name_is_passed_on_as_a_shell_does(
    machine: Machine, access: Access
) -> None:
    async with await access.connect(machine) as connection:
        assert (await connection.run("kill -40 $$")).exit_status == 168


async def test_signal_of_the_client_reaches_the_command(machine: Machine, access: Access) -> None:
    async with await access.connect(machine) as connection:
        process = await connection.create_process("trap 'exit 5' TERM; echo ready; sleep 60 & wait")
        await process.stdout.readline()
        process.terminate()
        assert (await process.wait()).exit_status == 5


async def test_shell_without_a_command_is_a_login_shell(machine: Machine, access: Access) -> None:
    async with await access.connect(machine) as connection:
        done = await connection.run(input="shopt -q login_shell && echo login\n")
    assert "login" in str(done.stdout)


async def test_terminal_is_given_to_a_session_that_asks_for_one(
    machine: Machine, access: Access
) -> None:
    async with await access.connect(machine) as connection:
        done = await connection.run("tty; stty size", term_type="xterm", term_size=(100, 40))
    assert str(done.stdout).split("\r\n")[0].startswith("/dev/")
    assert "40 100" in str(done.stdout)


async def test_detached_process_outlives_its_session(machine: Machine, access: Access) -> None:
    await access.run(machine, "setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $! >id")
    assert await access.run(machine, "kill -0 $(cat id) && echo alive") == "alive\n"


async def test_ended_orphans_do_not_stay_as_zombies(cloud: LocalCloud, access: Access) -> None:
    machine = await cloud.launch(a_request(), access.keys)
    await access.run(machine, "for i in 1 2 3; do (setsid true &) ; done")
    await eventually(lambda: len(processes_of(cloud, machine.name)) == 1)
    own = processes_of(cloud, machine.name)[0]
    await eventually(lambda: not own.children(recursive=True))


async def test_secrets_of_the_launching_process_are_not_in_the_machine(
    cloud: LocalCloud, access: Access
) -> None:
    os.environ["SKYFLOW_TEST_SECRET"] = "hidden"
    try:
        machine = await cloud.launch(a_request(), access.keys)
        assert "hidden" not in await access.run(machine, "env; cat /proc/$PPID/environ; true")
    finally:
        del os.environ["SKYFLOW_TEST_SECRET"]


async def test_private_host_key_is_in_no_file_of_the_machine(
    cloud: LocalCloud, access: Access
) -> None:
    machine = await cloud.launch(a_request(), access.keys)
    files = [path for path in directory_of(cloud, machine.name).path.rglob("*") if path.is_file()]
    assert files
    assert not any("PRIVATE KEY" in path.read_text() for path in files)


async def test_files_go_both_ways_by_sftp(machine: Machine, access: Access, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(100_000))
    async with await access.connect(machine) as connection, connection.start_sftp_client() as sftp:
        await sftp.put(str(source), "there")
        await sftp.get("there", str(back))
    assert back.read_bytes() == source.read_bytes()
    assert await access.run(machine, "stat -c %s there") == "100000\n"


async def test_lost_connection_does_not_disturb_the_machine(
    machine: Machine, access: Access
) -> None:
    connection = await access.connect(machine)
    await connection.create_process("yes")
    connection.abort()
    assert await access.run(machine, "echo alive") == "alive\n"


async def test_many_sessions_at_once_each_get_their_answer(
    machine: Machine, access: Access
) -> None:
    async with await access.connect(machine) as connection:
        done = await asyncio.gather(*(connection.run(f"exit {number}") for number in range(20)))
    assert [each.exit_status for each in done] == list(range(20))


async def test_background_process_that_holds_the_output_open_holds_the_session(
    machine: Machine, access: Access
) -> None:
    async with await access.connect(machine) as connection:
        done = await connection.run("(sleep 0.1; echo late) & echo early")
    assert str(done.stdout) == "early\nlate\n"
    assert done.exit_status == 0
