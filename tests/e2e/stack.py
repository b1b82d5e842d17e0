"""A stack of a home of its own, driven through the command line as a user would."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import Client

from skyflow.client import Skyflow
from skyflow.clouds.local.directory import MachineDirectory
from skyflow.config import LocalNetwork, LocalOutbound, Settings
from skyflow.sdk.views import ServiceView
from skyflow.stack_state import read_state
from skyflow.state import ReplicaPhase, ReplicaRecord
from skyflow.temporal import connect
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
COMMAND = Path(sys.executable).with_name("skyflow")

COMMAND_SECONDS = 90
"""Longest time for one command, well below that for a test."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    status: int | None
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Stack:
    """One embedded stack and the services on it."""

    home: Path
    network: LocalNetwork
    outbound: LocalOutbound = "none"
    """What its machines reach: tests change nothing of the computer they run on."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Further environment variables of all of its processes and commands."""
    bucket_url: str | None = None
    """Bucket that is the store."""
    interfaces: set[str] = field(default_factory=set)
    """Network interfaces that its machines were seen to have."""
    _temporal: Client | None = None

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, local_network=self.network, bucket_url=self.bucket_url)

    @property
    def temporary(self) -> Path:
        """Directory in which its processes make temporary files."""
        return self.home / "temporary"

    async def temporal(self) -> Client:
        self._temporal = self._temporal or await connect(self.settings)
        return self._temporal

    async def sdk(self) -> Skyflow:
        return Skyflow(self.settings, await self.temporal())

    async def start(self, *arguments: object, **variables: str) -> asyncio.subprocess.Process:
        """Start a command, with further environment variables."""
        return await asyncio.create_subprocess_exec(
            COMMAND,
            *map(str, arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(variables),
            cwd="/",
        )

    async def run(self, *arguments: object, status: int = 0, **variables: str) -> Outcome:
        """Run a command that is to end with a status."""
        process = await self.start(*arguments, **variables)
        outcome = await ended(process)
        self._note_interfaces()
        assert outcome.status == status, f"{arguments}: {outcome}"
        return outcome

    async def view(self, name: str) -> ServiceView:
        found = await (await self.sdk()).find(name)
        assert found is not None, f"no service {name}"
        return found

    async def replicas(self, name: str, *phases: ReplicaPhase) -> list[ReplicaRecord]:
        """Return the replicas of a service that are in one of the phases; without any, all."""
        replicas = (await self.view(name)).status.replicas
        return [r for r in replicas if not phases or r.phase in phases]

    async def ready(self, name: str, *, but: int | None = None, count: int = 1) -> list[int]:
        """Wait until so many replicas are ready, leaving one out; return their ids."""

        async def enough() -> list[int]:
            ready = await self.replicas(name, ReplicaPhase.READY)
            found = [r.replica_id for r in ready if r.replica_id != but and not r.leaving]
            return found if len(found) == count else []

        found = await eventually(enough, 60, f"{count} replicas of {name} but {but} are ready")
        self._note_interfaces()
        return found

    async def endpoint(self, name: str) -> str:
        endpoint = (await self.view(name)).endpoint
        assert endpoint is not None
        return endpoint

    def kill(self, name: str) -> None:
        """Kill one of its processes, which the supervisor starts anew."""
        state = read_state(self.settings)
        process = state.process(name) if state else None
        assert process is not None
        assert process.identity is not None
        os.kill(process.identity.pid, signal.SIGKILL)

    def machines(self, incarnation: str = "") -> list[Path]:
        """Return the directories of the machines there are, of one incarnation if it is given."""
        return sorted(self.settings.machines.glob(f"skyflow-*-{incarnation}*"))

    def make_older(self, folder: Path, seconds: float) -> None:
        """Set back the time at which the files in a folder were changed."""
        for path in folder.rglob("*"):
            changed = path.stat().st_mtime - seconds
            os.utime(path, (changed, changed))

    def _note_interfaces(self) -> None:
        for path in self.machines():
            contact = MachineDirectory(path.parent, path.name).contact
            if contact and contact.interface:
                self.interfaces.add(contact.interface)

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        own = {
            "SKYFLOW_HOME": str(self.home),
            "SKYFLOW_LOCAL_NETWORK": self.network,
            "SKYFLOW_LOCAL_OUTBOUND": self.outbound,
            "SKYFLOW_STORE": self.bucket_url or "",
            "TMPDIR": str(self.temporary),
        }
        return {**os.environ, **own, **self.variables, **variables}


async def ended(process: asyncio.subprocess.Process) -> Outcome:
    """Wait for a command's end; one that does not end is killed, to show what it printed."""
    timer = asyncio.get_running_loop().call_later(COMMAND_SECONDS, process.kill)
    out, err = await process.communicate()
    timer.cancel()
    return Outcome(process.returncode, out.decode(), err.decode())
