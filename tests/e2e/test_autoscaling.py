"""Replicas follow the load of real clients, from zero on, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from skyflow.errors import ControllerUnavailable
from skyflow.state import Decision
from tests.e2e.conftest import ONE_NETWORK, Up
from tests.e2e.services import write_service
from tests.e2e.stack import Stack
from tests.waiting import eventually

pytestmark = ONE_NETWORK

SERVER = Path(__file__).with_name("slow_server.py")
START_SECONDS = 3.0
AWAY_SECONDS = 90.0
"""Longest time until what was killed works again, a worker's heartbeats included."""


def write(folder: Path, answer_seconds: float, **policy: float) -> Path:
    (folder / "started").mkdir()
    spec = write_service(
        folder,
        f"exec python3 {SERVER.name}",
        service={"replica_policy": policy, "replicas": None},
        envs={
            "START_SECONDS": str(START_SECONDS),
            "ANSWER_SECONDS": str(answer_seconds),
            "STARTED": str(folder / "started"),
        },
    )
    shutil.copy(SERVER, folder / "workdir")
    return spec


async def scalings(stack: Stack, name: str) -> list[Decision]:
    made = await (await stack.sdk()).decisions(name)
    return [decision for decision in made if decision.kind == "scale"]


@asynccontextmanager
async def clients(endpoint: str, count: int) -> AsyncIterator[list[str]]:
    """Keep a number of requests at a service all the time; what goes wrong is in the list."""
    errors: list[str] = []
    stopped = asyncio.Event()

    async def ask(client: httpx.AsyncClient) -> None:
        while not stopped.is_set():
            try:
                (await client.get(endpoint)).raise_for_status()
            except httpx.HTTPError as error:
                errors.append(repr(error))

    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        tasks = [asyncio.create_task(ask(client)) for _ in range(count)]
        try:
            yield errors
        finally:
            stopped.set()
            await asyncio.gather(*tasks)


async def test_two_hundred_requests_at_zero_are_answered_after_one_launch(
    stack: Stack, up: Up, tmp_path: Path
) -> None:
    policy = {"min_replicas": 0, "max_replicas": 4, "target_ongoing_requests_per_replica": 50}
    await up(write(tmp_path, 0.1, **policy), "woken")
    endpoint = await stack.endpoint("woken")
    first = 0.0

    async def ask(client: httpx.AsyncClient) -> int:
        nonlocal first
        status = (await client.get(endpoint)).status_code
        first = first or time.time()
        return status

    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(timeout=90, limits=limits) as client:
        statuses = await asyncio.gather(*(ask(client) for _ in range(200)))
    assert set(statuses) == {200}
    [woken] = await scalings(stack, "woken")
    assert woken.explanation
    assert (woken.explanation.previous, woken.explanation.target) == (0, 4)
    starts = {record.created_at for record in await stack.replicas("woken")}
    assert len(starts) == 1
    begun = min(path.stat().st_mtime for path in (tmp_path / "started").iterdir())
    # 1.5 s on a computer with nothing else to do.
    assert first - begun < 10


async def test_the_target_stays_when_all_that_decides_it_is_killed_under_load(
    stack: Stack, up: Up, tmp_path: Path
) -> None:
    name = "steady"
    policy = {"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests_per_replica": 4}
    await up(write(tmp_path, 0.2, **policy), name)
    async with clients(await stack.endpoint(name), 7) as errors:
        await stack.ready(name, count=2)
        before = await scalings(stack, name)
        killed = time.time()
        for victim in ("worker", "lb-control", "temporal"):
            stack.kill(victim)

        async def is_seen_again() -> bool:
            with suppress(ControllerUnavailable):
                load = await (await stack.sdk()).load(name)
                return load is not None and load.at > killed + 1
            return False

        await eventually(is_seen_again, AWAY_SECONDS, "the load is seen again")
        assert await scalings(stack, name) == before
    assert errors == []
