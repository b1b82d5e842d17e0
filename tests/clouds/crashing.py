"""Kills a process at every window of what a cloud does: `python -m` this, with a home and a sweep.

What a process does to the files of a home, and what it starts, are the windows: it is killed just
before the first of these, then another just before the second, until one lives to the end. After
each the ledger must be true, and whoever comes next must be able to put things right.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from skyflow.clouds.base import MachineRequest, MachineState
from skyflow.clouds.fake import FakeCloud
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.local.marks import processes_of
from skyflow.config import Settings
from skyflow.placement.offers import Place
from tests.clouds.access import Access
from tests.processes import running

Task = Callable[[], Coroutine[Any, Any, object]]

_WATCHED = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "subprocess.Popen"}
_WRITING = os.O_WRONLY | os.O_RDWR
_PLACES = {
    "local": Place(cloud="local", region="local", zone="local", instance_type="local"),
    "fake": Place(cloud="fake", region="east", zone="east-a", instance_type="small"),
}
_PLACE_OF_SCRIPT = {"region": "east", "zone": "east-a", "hourly_price": 1}


class Sweep:
    """One cloud in a home, whose users die."""

    def __init__(self, home: Path, cloud: LocalCloud | FakeCloud) -> None:
        self._home = home
        self._cloud = cloud
        self._place = _PLACES[cloud.name]
        self._keys = Access().keys

    def launches(self, name: str, window: int) -> bool:
        """Kill who launches; every other time somebody launches again before it is ended."""
        died = self._killed(lambda: self._launch(name), window)
        self._check(name)
        if window % 2:
            asyncio.run(self._launch(name))
            assert self._events(name) == ["create"]
        asyncio.run(self._end(name))
        assert self._events(name) in ([], ["create", "delete"])
        self._check_gone(name)
        return died

    def terminations(self, name: str, window: int) -> bool:
        """Kill who terminates a machine that runs."""
        asyncio.run(self._launch(name))
        died = self._killed(lambda: self._end(name), window)
        self._check(name)
        asyncio.run(self._end(name))
        assert self._events(name) == ["create", "delete"]
        self._check_gone(name)
        return died

    def preemptions(self, name: str, window: int) -> bool:
        """Kill who takes a machine away; whoever asks for its state brings that to its end."""
        cloud = self._cloud
        assert isinstance(cloud, FakeCloud)
        asyncio.run(self._launch(name))
        died = self._killed(lambda: cloud.preempt(name), window)
        state = asyncio.run(cloud.describe([name], self._place.region))[name]
        assert _runs(self._path(name)) == (state is MachineState.RUNNING)
        self._check(name)
        asyncio.run(self._end(name))
        self._check_gone(name)
        return died

    def _launch(self, name: str) -> Coroutine[Any, Any, object]:
        request = MachineRequest(name=name, place=self._place, port=8080)
        return self._cloud.launch(request, self._keys)

    def _end(self, name: str) -> Coroutine[Any, Any, object]:
        return self._cloud.terminate([name], self._place.region)

    def _path(self, name: str) -> Path:
        script = isinstance(self._cloud, FakeCloud)
        return (self._home / "script.json.state" if script else self._home) / "machines" / name

    def _events(self, name: str) -> list[str]:
        return [entry.event for entry in self._cloud.ledger.read() if entry.name == name]

    def _owned(self) -> list[str]:
        return [name for name, _ in asyncio.run(self._cloud.owned("skyflow-"))]

    def _check(self, name: str) -> None:
        """Check what must hold whenever somebody has died."""
        owned = self._owned()
        assert set(self._cloud.ledger.existing()) <= set(owned)
        if _runs(self._path(name)):
            assert self._events(name) == ["create"]

    def _check_gone(self, name: str) -> None:
        assert not _runs(self._path(name))
        assert self._owned() == []
        assert self._cloud.ledger.existing() == []

    def _killed(self, task: Task, window: int) -> bool:
        """Run a task in a process that is killed at a window; False if it did not come to it."""
        child = os.fork()
        if child == 0:
            _die_at(window, str(self._home))
            asyncio.run(_completed(task))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, -signal.SIGKILL), code
        return code != 0


async def _completed(task: Task) -> None:
    await task()


def _die_at(window: int, home: str) -> None:
    left = window

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event not in _WATCHED or home not in repr(arguments):
            return
        if event == "open" and not arguments[2] & _WRITING:
            return
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    sys.addaudithook(look)


def _runs(path: Path) -> bool:
    return bool(running(processes_of(path)))


def main(home: Path, cloud: str, machines: str, what: str, stride: str) -> int:
    """Sweep over one kind of change, or part of its windows; return how many there are."""
    settings = Settings(home=home, local_network="shared")
    script = home / "script.json"
    script.write_text(json.dumps({"machines": machines, "places": [_PLACE_OF_SCRIPT]}))
    clouds: dict[str, LocalCloud | FakeCloud] = {
        "local": LocalCloud(settings),
        "fake": FakeCloud(settings, script),
    }
    sweep: Callable[[str, int], bool] = getattr(Sweep(home, clouds[cloud]), what)
    window = 0
    while sweep(f"skyflow-{what}-{window}", window):
        window += int(stride)
    return window


if __name__ == "__main__":
    sys.stdout.write(f"{main(Path(sys.argv[1]), *sys.argv[2:])}\n")
