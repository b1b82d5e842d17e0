"""The whole embedded stack, and one more worker."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import Settings
from skyflow.stack import SUPERVISE, ensure_stack, stop_stack
from skyflow.stack_state import read_state
from skyflow.temporal import connect
from tests.faults.processes import send
from tests.faults.scenario import Target
from tests.faults.stack import Stack

_SUPERVISOR_SECONDS = 1.0
"""After this a lost supervisor is started again, as the next command of a user would do."""
_CONNECT_SECONDS = 60.0
"""Many stacks may be starting at once."""


class WholeStack(Stack):
    """The embedded stack with its supervisor and a Temporal of its own, and one more worker."""

    def __init__(self, home: Path, bind: str) -> None:
        super().__init__(home, bind, Settings(home=home))
        self.cloud = LocalCloud(self.settings)

    @property
    def local(self) -> LocalCloud:
        assert isinstance(self.cloud, LocalCloud)
        return self.cloud

    async def lose_machine(self, name: str) -> None:
        self.losses[name] = time.time()
        directory = self.local.directory(name)
        if directory and directory.holder:
            send(directory.holder, signal.SIGKILL)

    async def _start(self) -> None:
        await self._ensure()
        self.client = await connect(self.settings, timeout=_CONNECT_SECONDS)
        await self.keep("worker-2", "worker", "run")

    async def _stop(self) -> None:
        await asyncio.gather(*(process.stop() for process in self.kept.values()))
        await stop_stack(self.settings)

    async def _struck(self, target: Target) -> None:
        if target is Target.SUPERVISOR:
            await asyncio.sleep(_SUPERVISOR_SECONDS)
            await self._ensure()

    def _pids(self) -> Mapping[str, int | None]:
        state = read_state(self.settings)
        found = {"worker-2": self.kept["worker-2"].pid}
        for process in state.processes if state else ():
            found[process.name] = process.identity.pid if process.identity else None
        if state and state.supervisor:
            found["supervisor"] = state.supervisor.pid
        return found

    async def _ensure(self) -> None:
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        command: Sequence[str] = ("env", "-i", *variables, *SUPERVISE)
        await ensure_stack(self.settings, bind=self.bind, command=command)
