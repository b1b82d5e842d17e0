"""The `fake` cloud: follows a script, on real machines of this computer or on none."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from skyflow.clouds.base import (
    Cloud,
    CloudCheck,
    Machine,
    MachineKeys,
    MachineRequest,
    MachineState,
)
from skyflow.clouds.fake import market
from skyflow.clouds.fake.market import FakeMachine, FakeState
from skyflow.clouds.fake.memory import Memory
from skyflow.clouds.fake.script import NAME, Script
from skyflow.clouds.ledger import Ledger
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.matching import meets
from skyflow.config import Settings
from skyflow.errors import CloudError, InvalidRequest, UsageError
from skyflow.placement.offers import Offer, Place, ResourceRequest

SCRIPT_VARIABLE = "SKYFLOW_FAKE_CLOUD"
"""Environment variable with the path of the script."""

Answer = TypeVar("Answer")


class FakeCloud(Cloud):
    """A cloud that does what a script says.

    The script is read anew at each call, so that changing the file changes the cloud. What is due
    at a time happens at the first call after it. State, ledger and machines are in the directory
    `{script}.state`; any number of processes may use it.
    """

    name = NAME

    def __init__(self, settings: Settings, script: Path | None = None) -> None:
        """Use a script; without one, that of the environment variable `SKYFLOW_FAKE_CLOUD`.

        Raises:
            UsageError: There is no script.

        """
        path = script or Path(os.environ.get(SCRIPT_VARIABLE, ""))
        if not path.name:
            raise UsageError("the fake cloud has no script", f"set {SCRIPT_VARIABLE} to its path")
        directory = path.absolute().with_name(path.name + ".state")
        self._script = path
        self._memory = Memory(directory)
        self._local = LocalCloud(replace(settings, home=directory, local_network="shared"))
        self.ledger = Ledger(directory / "ledger.jsonl")

    async def check(self) -> CloudCheck:
        """Say whether there is a valid script."""
        try:
            await asyncio.to_thread(Script.load, self._script)
        except UsageError as error:
            return CloudCheck(cloud=NAME, enabled=False, detail=error.message)
        return CloudCheck(cloud=NAME, enabled=True, detail=f"script {self._script}")

    async def offers(self, request: ResourceRequest) -> Sequence[Offer]:
        """Return the places of the script that meet a request."""
        script = await asyncio.to_thread(self._load)
        return [each.offer for each in script.places if meets(each.offer, request)]

    async def launch(self, request: MachineRequest, keys: MachineKeys) -> Machine:
        """Start the machine, or return the one that has this name already."""
        script = await asyncio.to_thread(self._load)
        lost = await self._change(lambda state, now: self._admit(state, script, request, now))
        await self._wait_until_ready(request)
        machine = await self._make(script, request, keys)
        await self._change(lambda state, _: _note_made(state, request.name))
        if lost:
            raise market.lost_answer(request)
        return machine

    async def describe(self, names: Sequence[str], region: str) -> Mapping[str, MachineState]:
        """Return the state of each machine; what was taken away is preempted until terminated."""
        known = await self._change(lambda state, _: dict(state.machines))
        real = await self._local.describe(names, region) if await self._has_machines() else {}
        return {name: _state(known.get(name), real.get(name)) for name in names}

    async def terminate(self, names: Sequence[str], region: str) -> None:
        """End the machines."""
        # The machines first: one that is forgotten here but still runs would be leaked.
        if await self._has_machines():
            await self._local.terminate(names, region)
        await self._change(lambda state, _: self._forget(state, names))

    async def owned(self, prefix: str) -> Sequence[tuple[str, Place]]:
        """Return every machine that was neither taken away nor terminated."""
        known = await self._change(lambda state, _: dict(state.machines))
        return [
            (name, machine.place)
            for name, machine in sorted(known.items())
            if name.startswith(prefix) and not machine.preempted
        ]

    async def notices(self, names: Sequence[str], region: str) -> Mapping[str, str]:
        """Return the interruption notice of each machine that has one and still lives."""
        known = await self._change(lambda state, _: dict(state.machines))
        return {
            name: machine.notice
            for name in names
            if (machine := known.get(name)) and machine.notice and not machine.preempted
        }

    async def stop(self, names: Sequence[str], region: str) -> None:
        """Refuse: a script knows no stopped machines."""
        raise InvalidRequest("machines of the fake cloud cannot be stopped", "terminate them")

    async def start(self, names: Sequence[str], region: str) -> None:
        """Refuse: a script knows no stopped machines."""
        raise InvalidRequest("machines of the fake cloud cannot be stopped and started")

    async def preempt(self, name: str, notice_seconds: float = 0) -> None:
        """Take a machine away, after a notice if there is to be one.

        Raises:
            UsageError: There is no such machine.

        """
        await self._change(lambda state, now: _preempt(state, name, now, notice_seconds))
        await self._change(lambda state, now: None)

    def _load(self) -> Script:
        try:
            return Script.load(self._script)
        except UsageError as error:
            raise CloudError(error.message, "correct the script") from None

    async def _has_machines(self) -> bool:
        return (await asyncio.to_thread(self._load)).machines == "local"

    async def _change(self, action: Callable[[FakeState, float], Answer]) -> Answer:
        """Let happen what is due, then look at or change the state."""
        taken = await asyncio.to_thread(self._let_happen)
        if taken:
            # Whoever learns that a machine was taken away finds nothing of it running.
            if await self._has_machines():
                await self._local.terminate(taken, "")
            await asyncio.to_thread(self._note_gone, taken)
        return await asyncio.to_thread(self._act, action)

    def _let_happen(self) -> Sequence[str]:
        """Return the machines that were taken away, now or by one who was killed over it."""
        script = self._load()
        with self._memory.change() as state:
            market.advance(state, script, time.time())
            machines = state.machines.items()
            return [name for name, each in machines if each.preempted and not each.gone]

    def _note_gone(self, names: Sequence[str]) -> None:
        with self._memory.change() as state:
            for name in names:
                self.ledger.deleted(name, "preempted")
                if name in state.machines:
                    state.machines[name].gone = True

    def _act(self, action: Callable[[FakeState, float], Answer]) -> Answer:
        with self._memory.change() as state:
            return action(state, time.time())

    def _admit(self, state: FakeState, script: Script, request: MachineRequest, now: float) -> bool:
        lost = market.admit(state, script, request, now)
        # A machine that the ledger has is never unknown here, where it is looked up to be ended.
        self._memory.save(state)
        self.ledger.created(request.name)
        return lost

    def _forget(self, state: FakeState, names: Sequence[str]) -> None:
        for name in names:
            self.ledger.deleted(name)
            state.machines.pop(name, None)
            if name not in state.ended:
                state.ended.append(name)

    async def _wait_until_ready(self, request: MachineRequest) -> None:
        known = await self._change(lambda state, _: state.machines.get(request.name))
        if known is not None:
            await asyncio.sleep(max(0, known.ready_at - time.time()))

    async def _make(self, script: Script, request: MachineRequest, keys: MachineKeys) -> Machine:
        if script.machines == "local":
            try:
                return await self._local.launch(request, keys)
            except InvalidRequest:
                raise CloudError(f"machine {request.name} was ended while it started") from None
        return Machine(
            name=request.name,
            place=request.place,
            address="127.0.0.1",
            ssh_user="nobody",
            internal_address="127.0.0.1",
            replica_port=request.port,
        )


def _note_made(state: FakeState, name: str) -> None:
    if name not in state.machines or state.machines[name].preempted:
        raise CloudError(f"machine {name} was ended while it started")
    state.machines[name].made = True


def _state(known: FakeMachine | None, real: MachineState | None) -> MachineState:
    if known is None:
        return MachineState.GONE
    if known.preempted:
        return MachineState.PREEMPTED
    if not known.made:
        return MachineState.STARTING
    return real or MachineState.RUNNING


def _preempt(state: FakeState, name: str, now: float, notice_seconds: float) -> None:
    machine = state.machines.get(name)
    if machine is None or machine.preempted:
        raise UsageError(f"the fake cloud has no machine {name}")
    machine.preempt_at = now + notice_seconds
    if notice_seconds:
        machine.notice = f"preemption at {machine.preempt_at:.3f}"
