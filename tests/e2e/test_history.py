"""How much a replica writes to Temporal's history: little in its life, nothing while idle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from skyflow.naming import replica_workflow_id, service_workflow_id
from tests.e2e.conftest import ONE_NETWORK, Up
from tests.e2e.services import write_service
from tests.e2e.stack import Stack
from tests.waiting import eventually

pytestmark = ONE_NETWORK

MOST_EVENTS = 90
"""Of a replica from its start to its end, through setup and drain; it takes about 80."""
IDLE_PROBES = 30
PROBE = {"path": "/ready", "endpoint_probe_interval_seconds": 0.1}


async def lengths(stack: Stack, name: str) -> dict[str, int]:
    """Return the length of the history of a service and of each of its replicas."""
    temporal, status = await stack.temporal(), (await stack.view(name)).status
    replicas = [r.replica_id for r in status.replicas]
    ids = [replica_workflow_id(name, status.incarnation, replica_id) for replica_id in replicas]
    return {
        i: (await temporal.get_workflow_handle(i).describe()).history_length
        for i in [service_workflow_id(name), *ids]
    }


async def probed(stack: Stack, name: str, more: int) -> None:
    """Wait until a service's replica has been probed so many times more."""
    endpoint = await stack.endpoint(name)
    async with httpx.AsyncClient() as client:
        before = (await client.get(endpoint)).json()["probes"]

        async def enough() -> bool:
            return bool((await client.get(endpoint)).json()["probes"] >= before + more)

        await eventually(enough, what=f"{more} probes")


async def test_an_idle_service_writes_no_history(stack: Stack, up: Up, tmp_path: Path) -> None:
    await up(write_service(tmp_path, service={"readiness_probe": PROBE}), "idle")
    await probed(stack, "idle", 5)
    before = await lengths(stack, "idle")
    await probed(stack, "idle", IDLE_PROBES)
    assert await lengths(stack, "idle") == before


async def test_a_replica_lives_in_few_events(
    stack: Stack, up: Up, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    await up(write_service(tmp_path, setup="true"), "brief")
    await stack.run("serve", "scale", "brief", "0")

    async def ended() -> bool:
        return all(r.phase.ended for r in await stack.replicas("brief"))

    await eventually(ended, what="the replica has ended")
    found = await lengths(stack, "brief")
    [events] = [length for name, length in found.items() if name.startswith("replica/")]
    record_property("events_per_replica_life", events)
    assert events <= MOST_EVENTS
