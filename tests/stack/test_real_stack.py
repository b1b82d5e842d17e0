"""The stack as users get it: Temporal, the worker and both processes of the balancer."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from skyflow.config import Settings
from skyflow.processes import ProcessIdentity, find_stack_members
from skyflow.stack import ensure_stack, stop_stack
from skyflow.stack_state import ProcessState, StackPhase, StackState, read_state
from skyflow.stack_status import stack_status
from tests.waiting import eventually
from worker.table import stack_table


def identities(state: StackState) -> dict[str, ProcessIdentity]:
    return {process.name: process.identity for process in state.processes if process.identity}


async def test_it_starts_answers_survives_its_supervisor_and_ends(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "h")
    try:
        await started(settings)
        await taken_over(settings)
        await repaired(settings)
    finally:
        await stop_stack(settings)
    assert find_stack_members(settings.home) == []
    assert stack_status(settings).phase is StackPhase.STOPPED


async def started(settings: Settings) -> None:
    heard: list[str] = []
    state = await ensure_stack(settings, heard.append)
    assert set(identities(state)) == {"temporal", "worker", "lb-data", "lb-control"}
    assert {f"{name} is ready" for name in identities(state)} <= set(heard)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{state.admin_url}/healthz")).status_code == 200
        assert (await client.get(state.ui_url or "")).status_code == 200
    shown = {process.name: process for process in stack_status(settings).processes}
    assert all(process.state is ProcessState.READY for process in shown.values())
    asks = asked_for_reactions(settings, state)
    assert asks.keys() == {process.name for process in state.processes}
    for name, asked in asks.items():
        assert await asked(), name
    assert all((process.resident_bytes or 0) > 10_000_000 for process in shown.values())


def asked_for_reactions(
    settings: Settings, state: StackState
) -> dict[str, Callable[[], Awaitable[bool]]]:
    assert (settings.stack / "worker.sock").exists()
    reacts = {spec.name: spec.reacts for spec in stack_table(settings, state)}
    return {name: asked for name, asked in reacts.items() if asked}


async def taken_over(settings: Settings) -> None:
    before = await ensure_stack(settings)
    assert before.supervisor is not None
    before.supervisor.send(signal.SIGKILL)
    await eventually(lambda: stack_status(settings).phase is StackPhase.LOST)
    after = await ensure_stack(settings)
    assert after.supervisor != before.supervisor
    assert identities(after) == identities(before)


async def repaired(settings: Settings) -> None:
    before = identities(await ensure_stack(settings))
    for process in before.values():
        process.send(signal.SIGKILL)

    def all_replaced() -> bool:
        state = read_state(settings)
        return bool(
            state and state.ready and not set(before.values()) & set(identities(state).values())
        )

    await eventually(all_replaced)
