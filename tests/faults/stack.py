"""The two ways in which the processes under test run."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml
from temporalio.client import Client

from lb.control.data_plane import DataPlane
from skyflow.client import Skyflow
from skyflow.clouds.fake import FakeCloud
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import Settings
from skyflow.installation import installation_id
from tests.faults.director import Director
from tests.faults.processes import KeptProcess, Module, send
from tests.faults.scenario import Action, Fault, Target
from tests.processes import name_of, words_of

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


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

    def begin(self, seed: int, reached: Counter[str]) -> None:
        """Forget what was done before; note from now on which points are reached."""
        self.chance = random.Random(seed)
        self.strikes.clear()
        self.losses.clear()
        self.director.reached = reached

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
                await self._strike_machine(fault, self.chance.choice(sorted(names)))
            return
        pid = self._pid(fault.target, reached_by)
        if pid is None:  # it is being started again
            return
        if fault.action is Action.FREEZE:
            self._freeze(pid, fault.frozen_seconds)
        else:
            send(pid, signal.SIGKILL)
            await self._struck(fault.target)

    async def _strike_machine(self, fault: Fault, name: str) -> None:
        if fault.action is Action.KILL:
            await self.lose_machine(name)
            return
        directory = self.local.directory(name)
        if directory is None or directory.holder is None:  # it has just ended
            return
        with suppress(psutil.NoSuchProcess):
            # From the top, so that nothing that stands still is looked after by what does not.
            self._freeze(directory.holder, fault.frozen_seconds)
            for process in psutil.Process(directory.holder).children(recursive=True):
                self._freeze(process.pid, fault.frozen_seconds)

    def _freeze(self, pid: int, seconds: float) -> None:
        send(pid, signal.SIGSTOP)
        self.frozen.append(Frozen(pid, time.monotonic() + seconds))

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
            if "server.py" in words_of(process)[-1:] and "python3" in name_of(process):
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


def write_service(path: Path, cloud: str, *, replicas: int = 2, **keys: object) -> Path:
    """Write the service that runs deploy: an own server that costs next to nothing."""
    document = {
        "workdir": str(HERE / "workdir"),
        "resources": {"cloud": cloud},
        "service": {
            # As many as it has at least, whatever is asked of it: its load is watched all the same.
            "replica_policy": {
                "min_replicas": replicas,
                "max_replicas": replicas + 1,
                "target_ongoing_requests_per_replica": 1000,
            },
            "queue": {"max_requests": 0},
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
