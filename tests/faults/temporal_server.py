"""A Temporal server of our own, that many installations share, each in a namespace."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from skyflow.contracts import SEARCH_ATTRIBUTES
from tests.faults.processes import Program
from tests.lb.plane import free_port
from tests.waiting import eventually
from worker.temporal_server import QUEUE_OPTIONS

NAMESPACES = 24
"""One for each slot, and some to spare: after a run that failed a slot begins anew in another."""
CONNECT_SECONDS = 60.0
PROGRAM = Path(sys.executable).with_name("temporal")


class TemporalServer:
    """A development server on a database file."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.address = f"127.0.0.1:{free_port()}"
        names = [f"n{number}" for number in range(NAMESPACES)]
        self._unused = iter(names)
        command = [str(PROGRAM), "server", "start-dev", "--headless", "--ip", "127.0.0.1"]
        command += ["--port", self.address.rpartition(":")[2], "--log-level", "warn"]
        command += QUEUE_OPTIONS
        command += ["--db-filename", str(home / "temporal.db")]
        command += [word for name in names for word in ("--namespace", name)]
        for name in SEARCH_ATTRIBUTES:
            command += ["--search-attribute", f"{name}=Keyword"]
        self.process = Program(command, {}, home / "temporal.log")

    async def start(self) -> None:
        await self.process.start()

        async def answers() -> bool:
            try:
                await client_of(self.address, f"n{NAMESPACES - 1}")
            except (RuntimeError, RPCError):
                return False
            return True

        await eventually(answers, what="Temporal answers")

    def namespace(self) -> str:
        """Return a namespace that nobody has used yet."""
        return next(self._unused)

    async def stop(self) -> None:
        await self.process.stop()


async def client_of(address: str, namespace: str) -> Client:
    async with asyncio.timeout(CONNECT_SECONDS):
        return await Client.connect(
            address, namespace=namespace, data_converter=pydantic_data_converter
        )
