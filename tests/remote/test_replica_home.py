from __future__ import annotations

import asyncio
import os
import signal
import stat
import time
from pathlib import Path

import psutil
import pytest

from skyflow.errors import CommandFailed
from skyflow.remote.replica_home import ProcessPhase, ProcessState, ReplicaHome
from skyflow.remote.ssh import connect
from skyflow.storage.keyring import Keyring
from tests.processes import name_of
from tests.remote.conftest import SshMachine
from tests.waiting import eventually

RUNNING = ProcessState(phase=ProcessPhase.RUNNING)


def files(machine: SshMachine) -> Path:
    return machine.home / ".skyflow-replica"


def pid(machine: SshMachine) -> int:
    return int((files(machine) / "pid").read_text())


def group_exists(group: int) -> bool:
    """Return whether a process of a group has not ended."""
    members = [each for each in psutil.process_iter(["status"]) if _group(each.pid) == group]
    return any(each.info["status"] != psutil.STATUS_ZOMBIE for each in members)


def _group(process: int) -> int | None:
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return None


async def test_the_environment_file_is_private_and_in_place(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({"TOKEN": "it's secret"}, "", "true")
    path = files(machine) / "env"
    assert path.read_text() == "export TOKEN='it'\"'\"'s secret'\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files(machine).stat().st_mode) == 0o700


async def test_setup_runs_in_the_workdir_with_its_environment_and_is_logged(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({"WORD": "two words"}, 'echo "$WORD in $PWD"', "true")
    await replica.run_setup("1")
    log = (files(machine) / "logs" / "setup.log").read_text()
    assert log == f"two words in {machine.home}/sky_workdir\n"


async def test_no_setup_is_no_job(replica: ReplicaHome, machine: SshMachine) -> None:
    await replica.prepare({}, "exit 1", "true")
    await replica.prepare({}, "", "true")
    await replica.run_setup("1")
    assert not (files(machine) / "setup.process").exists()


async def test_a_failed_setup_tells_its_exit_status_again_and_again(replica: ReplicaHome) -> None:
    await replica.prepare({}, "exit 7", "true")
    for _ in range(2):
        with pytest.raises(CommandFailed) as caught:
            await replica.run_setup("1")
        assert caught.value.exit_status == 7


async def test_a_setup_whose_session_was_lost_goes_on_and_is_joined(
    machine: SshMachine, keyring: Keyring
) -> None:
    script = "echo once >> marks; until [ -e go ]; do sleep 0.05; done"
    async with connect(machine.record, keyring) as first:
        await ReplicaHome(first).prepare({}, script, "true")
        lost = asyncio.create_task(ReplicaHome(first).run_setup("1"))
        workdir = machine.home / "sky_workdir"
        await eventually(lambda: (workdir / "marks").exists())
        lost.cancel()
        await asyncio.wait([lost])
    async with connect(machine.record, keyring) as second:
        joined = asyncio.create_task(ReplicaHome(second).run_setup("1"))
        (workdir / "go").touch()
        await joined
    assert (workdir / "marks").read_text() == "once\n"


async def test_starts_at_the_same_time_with_one_token_start_one_process(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({}, "", "echo started; exec sleep 1000")
    await asyncio.gather(*(replica.start("1") for _ in range(5)))
    assert await replica.process_state() == RUNNING
    assert (files(machine) / "logs" / "run.log").read_text() == "started\n"


async def test_a_start_with_another_token_is_refused_while_the_first_runs(
    replica: ReplicaHome,
) -> None:
    await replica.prepare({}, "", "exec sleep 1000")
    await replica.start("1")
    with pytest.raises(CommandFailed, match="still runs"):
        await replica.start("2")


async def test_run_can_be_started_again_with_a_new_token_after_its_end(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({}, "", "echo again; exit 3")
    for token in ("1", "2"):
        await replica.start(token)
        assert (await replica.wait_for_exit()).exit_status == 3
    await replica.start("1")
    assert (files(machine) / "logs" / "run.log").read_text() == "again\nagain\n"


async def test_run_survives_the_loss_of_every_connection(
    replica: ReplicaHome, machine: SshMachine, keyring: Keyring
) -> None:
    await replica.prepare({}, "", "exec sleep 1000")
    await replica.start("1")
    await machine.stop()
    await machine.start()
    async with connect(machine.record, keyring) as again:
        home = ReplicaHome(again)
        assert await home.process_state() == RUNNING
        await home.stop(grace_seconds=0)
    assert not group_exists(pid(machine))


async def test_the_end_of_run_is_told_within_half_a_second(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({}, "", "until [ -e go ]; do sleep 0.01; done; exit 5")
    await replica.start("1")
    waiting = asyncio.create_task(replica.wait_for_exit(60))
    assert await replica.wait_for_exit(0) == RUNNING
    (machine.home / "sky_workdir" / "go").touch()
    begun = time.monotonic()
    assert await waiting == ProcessState(phase=ProcessPhase.EXITED, exit_status=5)
    assert time.monotonic() - begun < 0.5


async def test_a_replica_that_was_never_started_says_so(replica: ReplicaHome) -> None:
    assert await replica.process_state() == ProcessState(phase=ProcessPhase.NOT_STARTED)
    await replica.stop(grace_seconds=0)


async def test_stop_lets_a_process_end_in_good_order(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    await replica.prepare({}, "", script)
    await replica.start("1")
    log = files(machine) / "logs" / "run.log"
    await eventually(lambda: log.read_text() == "up\n")
    await replica.stop(grace_seconds=20)
    assert log.read_text().endswith("bye\n")
    assert (await replica.process_state()).exit_status == 0


async def test_stop_kills_every_process_that_does_not_end(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    script = "trap '' TERM; sleep 1000 & echo up; while :; do sleep 0.05; done"
    await replica.prepare({}, "", script)
    await replica.start("1")
    await eventually(lambda: "up" in (files(machine) / "logs" / "run.log").read_text())
    await replica.stop(grace_seconds=0.2)
    assert not group_exists(pid(machine))
    assert (await replica.process_state()).exit_status == 128 + signal.SIGKILL


async def test_stop_ends_a_setup_too(replica: ReplicaHome) -> None:
    await replica.prepare({}, "sleep 1000", "true")
    setup = asyncio.create_task(replica.run_setup("1"))
    while not setup.done():
        await replica.stop(grace_seconds=5)
        await asyncio.wait([setup], timeout=0.05)
    with pytest.raises(CommandFailed) as caught:
        await setup
    assert caught.value.exit_status == 128 + signal.SIGTERM


async def test_children_left_behind_by_run_are_ended_by_stop(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({}, "", "sleep 1000 & exit 0")
    await replica.start("1")
    assert (await replica.wait_for_exit()).exit_status == 0
    assert group_exists(pid(machine))
    await replica.stop(grace_seconds=5)
    assert not group_exists(pid(machine))


async def test_a_run_whose_keeper_and_processes_vanished_was_killed(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({}, "", "exec sleep 1000")
    await replica.start("1")
    _, keeper, _, leader, _ = (files(machine) / "run.process").read_text().split()
    waiting = asyncio.create_task(replica.wait_for_exit(60))
    os.kill(int(keeper), signal.SIGKILL)
    os.kill(int(leader), signal.SIGKILL)
    assert await waiting == ProcessState(phase=ProcessPhase.KILLED)


async def test_a_process_number_that_was_used_again_is_not_taken_for_run(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({}, "", "true")
    mine = f"token {os.getpid()} 1 {os.getpid()} 1\n"
    (files(machine) / "run.process").write_text(mine)
    assert await replica.process_state() == ProcessState(phase=ProcessPhase.KILLED)


async def test_files_that_run_makes_are_as_public_as_the_machine_wants(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({}, "umask > mask", "true")
    await replica.run_setup("1")
    own = os.umask(0)
    os.umask(own)
    assert int((machine.home / "sky_workdir" / "mask").read_text(), 8) == own


async def test_nothing_secret_is_in_a_process_list(
    replica: ReplicaHome, machine: SshMachine
) -> None:
    await replica.prepare({"TOKEN": "hush-hush"}, "", "exec sleep 1000")
    await replica.start("1")
    await eventually(lambda: name_of(psutil.Process(pid(machine))) == "sleep")
    lines = [each.info["cmdline"] for each in psutil.process_iter(["cmdline"])]
    assert not any("hush-hush" in word for line in lines for word in line or ())
