"""Two workers and a balancer on a Temporal that is shared with others, and the fake cloud."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from skyflow.clouds.fake import SCRIPT_VARIABLE, FakeCloud
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import Settings
from tests.faults.stack import Stack
from tests.faults.temporal_server import client_of


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
            ' {"region": "r", "zone": "b", "hourly_price": 1},'
            ' {"region": "r", "zone": "a", "hourly_price": 0.3, "use_spot": true}]}'
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
