from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from functools import partial

import httpx

from skyflow.config import Settings
from skyflow.processes import ProcessIdentity, find_stack_members
from skyflow.stack import stop_stack
from skyflow.stack_state import StackState, log_path, read_state
from tests.stack.conftest import Ensure
from tests.waiting import eventually
from worker.logs import LARGEST_BYTES


def identity(state: StackState | None, name: str) -> ProcessIdentity:
    process = state.process(name) if state else None
    assert process is not None
    assert process.identity is not None
    return process.identity


def supervisor(state: StackState) -> ProcessIdentity:
    assert state.supervisor is not None
    return state.supervisor


def is_replaced(settings: Settings, name: str, old: ProcessIdentity) -> bool:
    state = read_state(settings)
    return state is not None and state.ready and identity(state, name) != old


async def answers(state: StackState) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://{state.temporal_address}")).status_code == 200
        except httpx.TransportError:
            return False


async def kill(process: ProcessIdentity) -> None:
    process.send(signal.SIGKILL)
    await eventually(lambda: not process.alive)


async def test_a_started_stack_answers_and_says_what_runs(small_stack: Ensure) -> None:
    state = await small_stack()
    assert await answers(state)
    assert [process.name for process in state.processes] == ["lb-control", "worker", "temporal"]


async def test_two_starts_at_once_give_one_stack(small_stack: Ensure, settings: Settings) -> None:
    first, second = await asyncio.gather(small_stack(), small_stack())
    assert first.supervisor == second.supervisor
    assert len(find_stack_members(settings.home)) == 3


async def test_a_running_stack_is_found_at_once(small_stack: Ensure) -> None:
    first = await small_stack()
    before = time.monotonic()
    second = await small_stack()
    assert second.supervisor == first.supervisor
    assert time.monotonic() - before < 0.1


async def test_the_stack_is_detached_from_its_starter(small_stack: Ensure) -> None:
    state = await small_stack()
    pid = supervisor(state).pid
    assert os.getsid(pid) == pid


async def test_stopping_leaves_no_process(small_stack: Ensure, settings: Settings) -> None:
    state = await small_stack()
    assert await stop_stack(settings)
    assert not supervisor(state).alive
    assert find_stack_members(settings.home) == []
    assert not await answers(state)


async def test_stopping_what_does_not_run_says_so(settings: Settings) -> None:
    assert not await stop_stack(settings)


async def test_a_killed_process_is_started_again(small_stack: Ensure, settings: Settings) -> None:
    state = await small_stack()
    for process in state.processes:
        before = identity(state, process.name)
        before.send(signal.SIGKILL)
        await eventually(partial(is_replaced, settings, process.name, before))
    now = read_state(settings)
    assert now is not None
    assert [process.restarts for process in now.processes] == [1, 1, 1]
    assert [process.last_exit for process in now.processes] == [-9, -9, -9]


async def test_a_killed_supervisor_is_replaced_and_its_processes_go_on(
    small_stack: Ensure,
) -> None:
    before = await small_stack()
    await kill(supervisor(before))
    assert await answers(before)
    after = await small_stack()
    assert supervisor(after) != supervisor(before)
    assert {process.identity for process in after.processes} == {
        process.identity for process in before.processes
    }


async def test_a_process_taken_over_is_still_watched(
    small_stack: Ensure, settings: Settings
) -> None:
    await kill(supervisor(await small_stack()))
    state = await small_stack()
    old = identity(state, "temporal")
    await kill(old)
    await eventually(partial(is_replaced, settings, "temporal", old))


async def test_the_processes_of_a_dead_supervisor_are_ended_too(
    small_stack: Ensure, settings: Settings
) -> None:
    await kill(supervisor(await small_stack()))
    assert await stop_stack(settings, grace_seconds=0.5)
    assert find_stack_members(settings.home) == []


async def test_ports_are_kept_when_the_stack_is_started_again(
    small_stack: Ensure, settings: Settings
) -> None:
    before = await small_stack()
    await stop_stack(settings)
    assert (await small_stack()).ports == before.ports


async def test_a_port_taken_meanwhile_is_replaced(small_stack: Ensure, settings: Settings) -> None:
    before = await small_stack()
    await stop_stack(settings)
    taker = await asyncio.start_server(lambda *_: None, "127.0.0.1", before.ports.temporal)
    async with taker:
        after = await small_stack()
        assert after.ports.temporal != before.ports.temporal
        assert after.ports.admin == before.ports.admin
        assert await answers(after)


async def test_a_large_log_is_moved_aside_and_written_on(
    small_stack: Ensure, settings: Settings
) -> None:
    state = await small_stack()
    log = log_path(settings, "temporal")
    with log.open("ab") as file:
        file.truncate(LARGEST_BYTES + 1)
    await eventually(lambda: log.stat().st_size < LARGEST_BYTES)
    assert log.with_name("temporal.log.1").stat().st_size > LARGEST_BYTES
    assert await answers(state)
    await eventually(lambda: "GET" in log.read_text())
    assert "\0" not in log.read_text()


async def test_a_stack_whose_directory_is_removed_ends(
    small_stack: Ensure, settings: Settings
) -> None:
    state = await small_stack()
    shutil.rmtree(settings.home, ignore_errors=True)
    await eventually(lambda: not supervisor(state).alive)
    assert find_stack_members(settings.home) == []
