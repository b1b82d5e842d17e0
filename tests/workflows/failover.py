"""Measures what refused offers cost: `python -m tests.workflows.failover`.

A script of the fake cloud has sixty places, of which the fifty cheapest refuse.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from activities.context import open_context
from skyflow.clouds.fake import SCRIPT_VARIABLE, FakeCloud
from skyflow.config import Settings
from skyflow.naming import replica_workflow_id, service_workflow_id
from skyflow.state import Decision
from tests.temporal import end_workflows, start_server
from tests.waiting import eventually
from tests.workflows.cloud_world import CloudWorld
from tests.workflows.conftest import workers
from tests.workflows.harness import Controller, version

PLACES, REFUSING = 60, 50
MOST_SECONDS = 300.0
"""Longest wait: on a computer that does much else it takes far longer than there is to measure."""


@dataclass(frozen=True)
class Failover:
    """What it took to get past the places that refuse."""

    seconds: float
    in_cloud: float
    """Seconds of these in which the cloud was answering."""
    service: Counter[str]
    """Events of the service's history, by type."""
    replica: Counter[str]
    looked_up: int
    """How often offers were looked up."""
    decisions: tuple[Decision, ...]


def write_script(path: Path) -> None:
    """Write a script whose cheapest places refuse; each place is dearer than the one before."""
    places = [
        {
            "region": f"r{number // 3}",
            "zone": f"r{number // 3}-{'abc'[number % 3]}",
            "hourly_price": round(1.1 * 1.06**number, 4),
            "failures": [{"kind": "capacity"}] if number < REFUSING else [],
        }
        for number in range(PLACES)
    ]
    path.write_text(json.dumps({"machines": "none", "places": places}))


async def fail_over(client: Client, home: Path, replicas: int = 1) -> Failover:
    """Start replicas of a service where most places refuse, and return what that took."""
    async with AsyncExitStack() as stack:
        context = await stack.enter_async_context(open_context(Settings(home=home), client))
        controller = Controller(client, CloudWorld(context))
        for worker in workers(client, controller.world, cached_workflows=1000):
            await stack.enter_async_context(worker)
        answering = stack.enter_context(_timed(FakeCloud, "offers", "launch", "describe"))
        began = time.monotonic()
        outcome = await controller.apply(version(replicas=replicas))
        await eventually(lambda: len(controller.world.serving()) == replicas, seconds=MOST_SECONDS)
        seconds, in_cloud = time.monotonic() - began, sum(answering)
        decisions = tuple(await controller.decisions())
        service = service_workflow_id(controller.name)
        replica = replica_workflow_id(controller.name, outcome.incarnation, 1)
        history = await client.get_workflow_handle(service).fetch_history()
        looked_up = sum(
            event.activity_task_scheduled_event_attributes.activity_type.name == "find_offers"
            for event in history.events
        )
        of_service = await _events(client, service)
        of_replica = await _events(client, replica)
        await controller.down()
        await end_workflows(client, service)
    return Failover(seconds, in_cloud, of_service, of_replica, looked_up, decisions)


@contextmanager
def _timed(cloud: type[FakeCloud], *names: str) -> Iterator[list[float]]:
    """Note how long each call of some methods takes, in seconds."""
    taken: list[float] = []

    def timed(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any) -> Any:
            began = time.monotonic()
            try:
                return await method(*arguments)
            finally:
                taken.append(time.monotonic() - began)

        return call

    with ExitStack() as stack:
        for name in names:
            stack.enter_context(patch.object(cloud, name, timed(getattr(cloud, name))))
        yield taken


async def _events(client: Client, workflow_id: str) -> Counter[str]:
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    names = [EventType.Name(event.event_type) for event in history.events]
    return Counter(name.removeprefix("EVENT_TYPE_") for name in names)


async def main() -> None:
    """Measure with one replica and print what it took."""
    server = await start_server()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.json"
        write_script(script)
        os.environ[SCRIPT_VARIABLE] = str(script)
        took = await fail_over(server.client, Path(folder))
    await server.shutdown()
    sys.stdout.write("\n".join(_report(took)) + "\n")


def _report(took: Failover) -> Iterator[str]:
    yield f"{took.seconds:.1f} s for {REFUSING} refusals, {took.looked_up} looks for offers"
    yield f"{took.seconds - took.in_cloud:.1f} s beyond the {took.in_cloud:.1f} s of the cloud"
    for name, events in (("service", took.service), ("replica", took.replica)):
        yield f"{name}: {events.total()} events, {events.total() / REFUSING:.1f} per refusal"
        yield from (f"  {count:5}  {kind}" for kind, count in events.most_common())
    yield from (f"{decision.kind}: {decision.reason}" for decision in took.decisions)


if __name__ == "__main__":
    asyncio.run(main())
