"""A stack whose home is a small disk, and whose processes' clocks can be set wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from skyflow.config import Settings
from skyflow.errors import ControllerUnavailable
from skyflow.processes import StackMember, find_stack_members
from skyflow.stack_state import ProcessState, StackState, read_state
from skyflow.state import ReplicaPhase
from tests.adversity.clock import Clocks
from tests.adversity.disk import Disk
from tests.e2e.computer import server_of
from tests.e2e.stack import COMMAND, Stack
from tests.waiting import eventually


@dataclass(kw_only=True)
class CrampedStack(Stack):
    """One embedded stack on a small disk."""

    disk: Disk
    clocks: Clocks
    scratch: Path
    """Directory for temporary files, on another disk."""

    @property
    def settings(self) -> Settings:
        """The settings for those who are not in the disk's namespace."""
        home = self.disk.outside / self.home.relative_to(self.disk.path)
        return Settings(home=home, local_network=self.network)

    @property
    def temporary(self) -> Path:
        return self.scratch

    @property
    def state(self) -> StackState:
        state = read_state(self.settings)
        assert state is not None
        return state

    async def start(self, *arguments: object, **variables: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(*self.disk.enter, str(COMMAND), *map(str, arguments)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(variables),
            cwd="/",
        )

    def members(self) -> list[StackMember]:
        """Return the processes of the stack that run, but the supervisor."""
        return find_stack_members(self.home)

    def process(self, name: str) -> psutil.Process:
        """Return the process of the stack of that name which runs now."""
        [found] = [m for m in self.members() if m.name == name]
        return psutil.Process(found.identity.pid)

    async def restart(self, name: str) -> None:
        """Kill a process of the stack, and wait until the next one answers."""
        killed = self.process(name)
        killed.kill()

        def answers() -> bool:
            process = self.state.process(name)
            if process is None or process.identity is None:
                return False
            return process.identity.pid != killed.pid and process.state is ProcessState.READY

        await eventually(answers, 60, f"another {name} answers")

    async def lose_server(self, name: str) -> int:
        """Kill the server of one replica of a service; return the replica's id."""
        [victim, *_] = await self.replicas(name, ReplicaPhase.READY)
        server_of(self.home / "machines", name, victim.replica_id).kill()
        return victim.replica_id

    async def recovers(self, name: str, *, but: int | None = None, count: int = 2) -> None:
        """Wait until so many replicas are ready, leaving one out, also while nobody can say."""

        async def ready() -> bool:
            try:
                found = await self.replicas(name, ReplicaPhase.READY)
            except ControllerUnavailable:
                return False
            return len([r for r in found if r.replica_id != but]) == count

        await eventually(ready, 60, f"{count} replicas of {name} but {but} are ready")

    def log(self, name: str) -> str:
        """Return the log of a process of the stack."""
        path = self.settings.stack / "logs" / f"{name}.log"
        return path.read_text(errors="replace")

    def database_check(self) -> str:
        """Return what SQLite says of Temporal's database."""
        check = f"import sqlite3; print(*sqlite3.connect({str(self.home / 'stack/temporal.db')!r})"
        words = [sys.executable, "-c", f"{check}.execute('pragma integrity_check').fetchone())"]
        command = [*self.disk.enter, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return super()._environment({"PYTHONPATH": str(self.clocks.directory), **variables})
