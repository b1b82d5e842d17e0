"""`skyflow serve logs --follow` shows each line once, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from skyflow.clouds.local.directory import MachineDirectory
from tests.e2e.conftest import ONE_NETWORK, Up, take_down
from tests.e2e.services import SERVE, write_service
from tests.e2e.stack import Stack, ended
from tests.waiting import eventually

TALK = "(n=0; while sleep 0.05; do echo line $n; n=$((n+1)); done) &\n"
RECOVERY_SECONDS = 75
"""A worker that was killed is missed within 32 s; the rest is starting anew on a busy computer."""


@dataclass
class Follower:
    """A command that follows the logs, and the lines of each replica that it has shown."""

    process: asyncio.subprocess.Process
    lines: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if found := re.fullmatch(r"replica (\d+) run   \| line (\d+)\n", line.decode()):
                self.lines[int(found[1])].append(int(found[2]))

    async def goes_on(self, replica_id: int) -> None:
        """Wait for lines that the replica has yet to write."""
        shown = len(self.lines[replica_id])
        await eventually(
            lambda: len(self.lines[replica_id]) > shown + 60,
            RECOVERY_SECONDS,
            f"more lines of replica {replica_id}",
        )


# What is followed is read from the store.
@ONE_NETWORK
@pytest.mark.timeout(400)
async def test_following_goes_on_whatever_is_killed(stack: Stack, up: Up, tmp_path: Path) -> None:
    await up(write_service(tmp_path, TALK + SERVE), "talk")
    follower = Follower(await stack.start("serve", "logs", "talk"))
    reading = asyncio.create_task(follower.read())
    await follower.goes_on(1)
    for name in ("worker", "temporal"):
        stack.kill(name)
        await follower.goes_on(1)
    await _kill_machine(stack)
    await follower.goes_on(2)
    await stack.run("stack", "down", "-y")
    await stack.run("stack", "up")
    await follower.goes_on(2)
    await take_down(stack, "talk")
    await reading
    outcome = await ended(follower.process)
    assert (outcome.status, outcome.err) == (0, "")
    assert follower.lines == {id_: list(range(len(n))) for id_, n in follower.lines.items()}
    stored = await stack.run("serve", "logs", "talk")
    shown = sum(len(numbers) for numbers in follower.lines.values())
    assert stored.out.count("| line ") == shown


async def _kill_machine(stack: Stack) -> None:
    [replica] = await stack.replicas("talk")
    holder = MachineDirectory(stack.settings.machines, replica.nodes[0].name).holder
    assert holder is not None
    psutil.Process(holder).kill()
