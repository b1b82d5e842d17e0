"""What a machine that vanished had written is stored to within two seconds of its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from skyflow.clouds.local.mode import own_network_problem
from skyflow.config import LocalNetwork, Settings
from tests.logs.replica import TalkingReplica, numbered
from tests.waiting import eventually

LATE_SECONDS = 2.0
LINES = "0.02 1 newline 40"
NO_LINES = "0.02 1 , 40"
MUCH = "0.02 100 newline 1000"
"""Five megabytes a second."""

Talk = Callable[[str], Awaitable[TalkingReplica]]


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    network: LocalNetwork = "shared" if own_network_problem() else "own"
    replicas: list[TalkingReplica] = []

    async def start(how: str) -> TalkingReplica:
        settings = Settings(home=tmp_path / "home", local_network=network)
        replicas.append(await TalkingReplica.start(settings, tmp_path / "service.yaml", how))
        return replicas[-1]

    yield start
    for replica in replicas:
        await replica.end()


@dataclass
class Lateness:
    """How long this computer let its processes wait, at most, in seconds."""

    longest: float = 0.0

    async def watch(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.05)
            self.longest = max(self.longest, time.monotonic() - began - 0.05)


@asynccontextmanager
async def lateness() -> AsyncIterator[Lateness]:
    seen = Lateness()
    watching = asyncio.create_task(seen.watch())
    yield seen
    watching.cancel()


async def until_stored(replica: TalkingReplica, pieces: int) -> None:
    async def enough() -> bool:
        return len(numbered(await replica.stored())) >= pieces

    await eventually(enough, 60, f"{pieces} pieces are stored")


@pytest.mark.parametrize("how", [LINES, NO_LINES])
async def test_the_log_of_a_vanished_machine_is_complete_to_its_end(talk: Talk, how: str) -> None:
    replica = await talk(how)
    async with lateness() as late:
        shipper = await replica.ship()
        await until_stored(replica, 100)
        end = replica.vanish()
        await shipper.wait()
    [*_, (_, last)] = numbered(await replica.stored())
    assert end - last <= LATE_SECONDS + late.longest


async def test_the_log_of_a_machine_that_falls_silent_is_stored_at_once(talk: Talk) -> None:
    replica = await talk(NO_LINES)

    async def complete() -> bool:
        return numbered(await replica.stored())[-1][1] >= silent - LATE_SECONDS

    async with lateness() as late:
        await replica.ship()
        await until_stored(replica, 100)
        silent = replica.go_silent()
        await eventually(complete, 2 + late.longest)


async def test_nothing_is_lost_or_doubled_by_workers_that_end_and_begin(talk: Talk) -> None:
    replica = await talk(LINES)
    async with lateness() as late:
        first = await replica.ship()
        await until_stored(replica, 50)
        first.terminate()
        await first.wait()
        second = await replica.ship()
        await until_stored(replica, 150)
        second.kill()
        third = await replica.ship()
        await until_stored(replica, 250)
        end = replica.vanish()
        await third.wait()
    [*_, (_, last)] = numbered(await replica.stored())
    assert end - last <= LATE_SECONDS + late.longest


@pytest.mark.parametrize("how", [NO_LINES, MUCH])
async def test_two_workers_at_once_store_one_log(talk: Talk, how: str) -> None:
    replica = await talk(how)
    both = [await replica.ship(), await replica.ship()]
    await until_stored(replica, 200)
    replica.vanish()
    for shipper in both:
        await shipper.wait()
    assert numbered(await replica.stored())
