from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from skyflow.processes import (
    STACK_VARIABLE,
    ProcessIdentity,
    end_processes,
    find_stack_members,
    stack_marker,
)
from skyflow.stack_logs import tail
from skyflow.stack_state import LOOPBACK, StackPorts
from worker.backoff import Backoff
from worker.logs import rotate
from worker.ports import choose_ports, is_free

SLEEP = (sys.executable, "-c", "import time; time.sleep(100)")


def test_delays_double_up_to_the_longest() -> None:
    delays = [delay := Backoff().next_delay(None, 0)]
    delays += [delay := Backoff().next_delay(delay, 0) for _ in range(10)]
    assert delays[:3] == [0.02, 0.04, 0.08]
    assert delays[-3:] == [5.12, 10, 10]


def test_a_process_that_had_answered_for_a_while_starts_over_at_once() -> None:
    assert Backoff().next_delay(10, answered=1) == 0.02
    assert Backoff().next_delay(5, answered=0.9) == 10


def test_only_so_many_old_logs_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    for number in range(5):
        log.write_text(f"{number}" * 20)
        assert rotate(log, largest_bytes=10, kept=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "worker.log",
        "worker.log.1",
        "worker.log.2",
    ]
    assert (tmp_path / "worker.log.1").read_text() == "4" * 20
    assert log.read_text() == ""


def test_a_small_or_missing_log_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "small.log").write_text("few")
    assert not rotate(tmp_path / "small.log", largest_bytes=10)
    assert not rotate(tmp_path / "none.log")


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("\n".join(str(number) for number in range(5000)))
    assert tail(log, 2) == "4998\n4999"
    assert tail(tmp_path / "none.log", 2) == ""


async def test_ports_in_use_are_chosen_again_unless_they_are_ours() -> None:
    before = choose_ports(None, ())
    server = await asyncio.start_server(lambda *_: None, LOOPBACK, before.ui)
    async with server:
        assert not is_free(before.ui)
        assert choose_ports(before, {before.ui}) == before
        after = choose_ports(before, ())
    assert after.ui != before.ui
    assert (after.temporal, after.admin) == (before.temporal, before.admin)


def test_chosen_ports_differ() -> None:
    ports = choose_ports(None, ())
    assert len(set(ports.model_dump().values())) == len(StackPorts.model_fields)


def test_a_process_is_not_taken_for_a_later_one_of_its_number() -> None:
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    assert me.alive
    assert not me.model_copy(update={"start": "long ago"}).alive


async def test_what_a_member_starts_is_not_a_member(tmp_path: Path) -> None:
    marker = stack_marker("worker", SLEEP, "f")
    environment = {**os.environ, "SKYFLOW_HOME": str(tmp_path), STACK_VARIABLE: marker}
    with (
        subprocess.Popen(SLEEP, env=environment) as member,
        subprocess.Popen([*SLEEP, "child"], env=environment) as child,
    ):
        found = find_stack_members(tmp_path)
        child.kill()
        await end_processes([one.identity for one in found], grace_seconds=5)
    assert [(one.name, one.identity.pid) for one in found] == [("worker", member.pid)]


async def test_a_zombie_counts_as_ended() -> None:
    with subprocess.Popen(SLEEP) as process:
        identity = ProcessIdentity.of(process.pid)
        assert identity is not None
        assert await end_processes([identity], grace_seconds=5)
