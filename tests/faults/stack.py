"""The two ways in which the processes under test run."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import yaml
from temporalio.client import Client

from lb.control.data_plane import DataPlane
from skyflow.client import Skyflow
from skyflow.clouds.fake import SCRIPT_VARIABLE, FakeCloud
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import Settings
from skyflow.installation import installation_id
from skyflow.stack import SUPERVISE, ensure_stack, stop_stack
from skyflow.stack_state import read_state
from skyflow.temporal import connect
from tests.faults.director import Director
from tests.faults.processes import KeptProcess, Module, send
from tests.faults.scenario import Action, Fault, Target
from tests.faults.temporal_server import client_of

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
_SUPERVISOR_SECONDS = 1.0
"""After this a lost supervisor is started again, as the next command of a user would do."""


@dataclass
class Frozen:
    """A process that was stopped."""

    pid: int
    until: float
    """Time (monotonic, seconds) at which it goes on at the latest."""


@dataclass(frozen=True)
class Strike:
    """What was struck, and when. Times are Unix times in seconds."""

    target: Target
    began: float
    ended: float


class Stack(ABC):
    """One installation: its processes, and what can be done to them."""

    cloud: FakeCloud | LocalCloud
    client: Client

    def __init__(self, home: Path, bind: str, settings: Settings) -> None:
        self.home = home
        self.bind = bind
        self.settings = settings
        self.chance = random.Random(0)
        self.director = Director(home / "faults.sock", self.strike)
        self._open = AsyncExitStack()
        self.kept: dict[str, KeptProcess] = {}
        self.frozen: list[Frozen] = []
        self.losses: dict[str, float] = {}
        """Machines that were taken away: time (Unix, seconds) by name."""
        self.strikes: list[Strike] = []

    @property
    def sdk(self) -> Skyflow:
        return Skyflow(self.settings, self.client)

    @property
    def installation(self) -> str:
        return installation_id(self.settings)

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    async def start(self) -> None:
        """Start everything; it need not answer yet."""
        for directory in (self.logs, self.home / "tmp"):
            directory.mkdir(parents=True)
        write_service(self.home / "service.yaml", self.cloud.name)
        await self._open.enter_async_context(self.director)
        self.data_plane = await self._open.enter_async_context(DataPlane(self.settings))
        thawing = asyncio.create_task(self._thaw_late())
        self._open.callback(thawing.cancel)
        self._open.push_async_callback(self._stop)
        await self._start()

    async def stop(self) -> None:
        """End everything and remove its files."""
        await self.thaw()
        await self._open.aclose()
        await asyncio.to_thread(shutil.rmtree, self.home, ignore_errors=True)

    def on_stop(self, action: Callable[[], None]) -> None:
        """Have something done when everything has been ended."""
        self._open.callback(action)

    async def strike(self, fault: Fault, reached_by: int) -> None:
        """Do what a fault says."""
        began = time.time()
        await self._strike(fault, reached_by)
        self.strikes.append(Strike(fault.target, began, time.time()))

    async def _strike(self, fault: Fault, reached_by: int) -> None:
        if fault.target is Target.MACHINE:
            names = [name for name, _ in await self.cloud.owned(f"skyflow-{self.installation}-")]
            if names:
                await self.lose_machine(self.chance.choice(sorted(names)))
            return
        pid = self._pid(fault.target, reached_by)
        if pid is None:  # it is being started again
            return
        if fault.action is Action.FREEZE:
            send(pid, signal.SIGSTOP)
            self.frozen.append(Frozen(pid, time.monotonic() + fault.frozen_seconds))
        else:
            send(pid, signal.SIGKILL)
            await self._struck(fault.target)

    async def thaw(self) -> bool:
        """Let every frozen process go on; return whether there was one."""
        frozen, self.frozen = self.frozen, []
        for each in frozen:
            send(each.pid, signal.SIGCONT)
        return bool(frozen)

    async def lose_server(self, name: str) -> None:
        """Kill what serves on a machine."""
        holder = self.local.directory(name).holder  # type: ignore[union-attr]
        assert holder, f"machine {name} has ended by itself"
        for process in psutil.Process(holder).children(recursive=True):
            if "server.py" in process.cmdline()[-1:] and "python3" in process.name():
                self.losses[name] = time.time()
                process.kill()
                return
        raise AssertionError(f"nothing serves on {name}")

    @abstractmethod
    async def lose_machine(self, name: str) -> None:
        """Take a machine away with everything on it."""

    @property
    @abstractmethod
    def local(self) -> LocalCloud:
        """The cloud whose processes the machines are."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment of the processes under test."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
        return {
            **inherited,
            "SKYFLOW_HOME": str(self.home),
            "SKYFLOW_FAULTS": str(self.director.path),
            "PYTHONPATH": f"{HERE / 'site'}:{ROOT}",
            "XDG_CONFIG_HOME": "/nonexistent",
            "TMPDIR": str(self.home / "tmp"),
        }

    async def keep(self, name: str, *arguments: str, **environment: str) -> None:
        log = self.logs / f"{name}.log"
        self.kept[name] = Module(arguments, {**self.environment, **environment}, log)
        await self.kept[name].start()

    @abstractmethod
    async def _start(self) -> None: ...

    @abstractmethod
    async def _stop(self) -> None: ...

    @abstractmethod
    def _pids(self) -> Mapping[str, int | None]:
        """Return the processes by name; those of workers begin with `worker`."""

    async def _struck(self, target: Target) -> None:  # noqa: B027
        """Make good what nobody else does."""

    def _pid(self, target: Target, reached_by: int) -> int | None:
        if target is Target.SELF:
            return reached_by
        if target is not Target.OTHER_WORKER:
            return self._pids().get(target.value)
        pids = [pid for name, pid in self._pids().items() if name.startswith("worker")]
        return next((pid for pid in pids if pid not in (None, reached_by)), None)

    async def _thaw_late(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for each in [f for f in self.frozen if f.until < time.monotonic()]:
                self.frozen.remove(each)
                send(each.pid, signal.SIGCONT)


def write_service(path: Path, cloud: str, *, replicas: int = 2, **keys: str) -> Path:
    """Write the service that runs deploy: an own server that costs next to nothing."""
    document = {
        "workdir": str(HERE / "workdir"),
        "resources": {"cloud": cloud},
        "service": {
            "replicas": replicas,
            "drain_seconds": 20,
            "load_balancing_policy": "round_robin",
            "readiness_probe": "/ready",
        },
        "run": "exec python3 -IS server.py",
        **keys,
    }
    path.write_text(yaml.safe_dump(document))
    return path


_OURS = ("SKYFLOW_", "TEMPORAL_")


class FakeStack(Stack):
    """Two workers and a balancer of their own, on a Temporal that is shared with others."""

    def __init__(
        self, home: Path, bind: str, temporal: str, namespace: str, workers: int = 2
    ) -> None:
        super().__init__(home, bind, Settings(home=home))
        self._workers = workers
        self._temporal = {"TEMPORAL_ADDRESS": temporal, "TEMPORAL_NAMESPACE": namespace}
        self._script = home / "cloud.json"
        self.cloud = FakeCloud(self.settings, self._script)

    @property
    def environment(self) -> Mapping[str, str]:
        return {**super().environment, **self._temporal, SCRIPT_VARIABLE: str(self._script)}

    @property
    def local(self) -> LocalCloud:
        home = self._script.with_name(self._script.name + ".state")
        return LocalCloud(replace(self.settings, home=home, local_network="shared"))

    async def lose_machine(self, name: str) -> None:
        assert isinstance(self.cloud, FakeCloud)
        self.losses[name] = time.time()
        await self.cloud.preempt(name)

    async def _start(self) -> None:
        self._script.write_text(
            '{"places": [{"region": "r", "zone": "a", "hourly_price": 1},'
            ' {"region": "r", "zone": "b", "hourly_price": 1}]}'
        )
        self.client = await client_of(*self._temporal.values())
        await self.keep("lb-data", "lb", "data", "--bind", self.bind)
        await self.keep("lb-control", "lb", "control")
        for number in range(1, self._workers + 1):
            await self.keep(f"worker-{number}", "worker", "run")

    async def _stop(self) -> None:
        await asyncio.gather(*(process.stop() for process in self.kept.values()))

    def _pids(self) -> Mapping[str, int | None]:
        return {name: process.pid for name, process in self.kept.items()}


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
        self.client = await connect(self.settings)
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
