"""A replica that talks, on a real machine, and the workers that ship what it says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from skyflow.clouds.base import Machine
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import Settings
from skyflow.contracts import ReplicaTask, WatchRequest
from skyflow.remote.replica_home import ReplicaHome
from skyflow.remote.ssh import connect
from skyflow.state import SpecReference
from skyflow.storage.keyring import Keyring
from skyflow.storage.log_cursor import cursor_at_end
from skyflow.storage.log_reader import LogReader
from skyflow.storage.log_segments import log_prefix
from skyflow.storage.store import Store
from tests.clouds.access import request

TALKER = Path(__file__).with_name("talker.py")
PREFIX = log_prefix("talk", "0000aaaa", 1, 0, "run")


@dataclass
class TalkingReplica:
    """A machine on which a talker runs."""

    settings: Settings
    yaml: Path
    machine: Machine
    _shippers: list[asyncio.subprocess.Process] = field(default_factory=list)

    @staticmethod
    async def start(settings: Settings, yaml: Path, talk: str) -> TalkingReplica:
        """Launch a machine and have it run the talker with these arguments."""
        yaml.write_text("service: {readiness_probe: /}\nrun: talk\n")
        keyring = Keyring.load(settings)
        machine_request = request("skyflow-talk-1")
        keys = keyring.machine_keys(machine_request.name)
        machine = await LocalCloud(settings).launch(machine_request, keys)
        async with connect(machine, keyring) as connection:
            home = ReplicaHome(connection)
            await home.prepare({}, None, f"exec {sys.executable} {TALKER} {talk}")
            await home.start("once")
        return TalkingReplica(settings, yaml, machine)

    async def ship(self) -> asyncio.subprocess.Process:
        """Start a worker that watches the replica."""
        shipper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.logs.shipper"),
            stdin=asyncio.subprocess.PIPE,
        )
        self._shippers.append(shipper)
        given = {
            "home": str(self.settings.home),
            "yaml": str(self.yaml),
            "request": self._watch().model_dump(mode="json"),
        }
        assert shipper.stdin is not None
        shipper.stdin.write(json.dumps(given).encode())
        shipper.stdin.close()
        return shipper

    async def stored(self) -> bytes:
        """Return what is stored of what it said."""
        reader = LogReader(Store(self.settings))
        return b"".join([piece async for piece in reader.read(PREFIX)])

    async def behind(self) -> int:
        """Return how many bytes it has said that are not stored."""
        [log] = (self.settings.machines / self.machine.name).rglob("run.log")
        written = log.stat().st_size
        return written - (await cursor_at_end(Store(self.settings), PREFIX)).offset

    def vanish(self) -> float:
        """End the machine as when the power fails; return the time."""
        return self._signal(signal.SIGKILL)

    def go_silent(self) -> float:
        """Have the machine answer no more, as when its network fails; return the time."""
        return self._signal(signal.SIGSTOP)

    async def end(self) -> None:
        """End the shippers and the machine."""
        for shipper in self._shippers:
            if shipper.returncode is None:
                shipper.kill()
            await shipper.wait()
        await LocalCloud(self.settings).terminate([self.machine.name], "local")

    def _signal(self, number: int) -> float:
        directory = LocalCloud(self.settings).directory(self.machine.name)
        assert directory is not None
        assert directory.holder is not None
        at = time.time()
        os.kill(directory.holder, number)
        return at

    def _watch(self) -> WatchRequest:
        task = ReplicaTask(
            service="talk",
            incarnation="0000aaaa",
            replica_id=1,
            version=1,
            spec=SpecReference(digest="one", key="services/x/spec/one"),
            nodes=(self.machine,),
        )
        later = time.time() + 3600
        return WatchRequest(replica=task, ready=False, deadline=later, renew_at=later)


def numbered(stored: bytes) -> list[tuple[int, float]]:
    """Return number and time of each piece, after checking that none is missing or there twice."""
    found = re.findall(rb"(\d+) (\d+\.\d{6}) x*[\n,]", stored)
    pieces = [(int(number), float(at)) for number, at in found]
    assert [number for number, _ in pieces] == list(range(len(pieces)))
    assert sum(len(each) for each in re.split(rb"\d+ \d+\.\d{6} x*[\n,]", stored)[:-1]) == 0
    return pieces
