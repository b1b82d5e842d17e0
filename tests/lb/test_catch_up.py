"""The control process makes good what it missed, whoever was away."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter

from lb.control import upkeep
from lb.control.catch_up import catch_up
from lb.control.data_plane import DataPlane
from lb.control.registration import ensure_registered
from lb.control.upkeep import Upkeep
from skyflow.config import Settings
from skyflow.contracts import WORKFLOW_QUEUE
from skyflow.naming import INSTALLATION_WORKFLOW_ID, service_workflow_id
from skyflow.state import EndpointSet
from skyflow.watching.balancers import known_admins
from tests.lb.control_plane import control_process, workflow_worker
from tests.lb.plane import Plane, answering, endpoint_set, endpoints, free_port, process
from tests.lb.temporal_workflows import Service
from tests.lb.test_control import start_at
from tests.lb.test_endpoint_sets import named
from tests.lb.wire import ask, content, get, replica, status
from tests.waiting import eventually
from workflows.installation import InstallationWorkflow

Handle = WorkflowHandle[Service, None]
SOON = 20
"""Seconds; less than the interval, after which everything is looked at anyway."""


def fresh(*urls: str) -> EndpointSet:
    """Return an endpoint set of a service of its own."""
    return endpoint_set(*urls).model_copy(update={"service": f"service-{uuid4().hex}"})


def newer(found: EndpointSet, *urls: str) -> EndpointSet:
    update = {"generation": found.generation + 1, "endpoints": endpoints(*urls)}
    return found.model_copy(update=update)


async def started(client: Client, found: EndpointSet) -> Handle:
    """Start a service, and wait until it has said when it began."""
    workflow_id = service_workflow_id(found.service)
    handle = await client.start_workflow(
        Service.run, found, id=workflow_id, task_queue=WORKFLOW_QUEUE
    )

    async def known() -> bool:
        return bool(await (await handle.describe()).memo())

    await eventually(known)
    return handle


@asynccontextmanager
async def running(client: Client, found: EndpointSet) -> AsyncIterator[Handle]:
    handle = await started(client, found)
    yield handle
    await handle.terminate()


async def in_force(api: DataPlane, service: str) -> EndpointSet | None:
    return next((s for s in (await api.endpoint_sets()).sets if s.service == service), None)


async def forget(plane: Plane, found: EndpointSet) -> None:
    """Take a service off a data plane that other tests use."""
    update = {"generation": found.generation + 100, "removed": True}
    await plane.api.apply(found.model_copy(update=update))


@pytest.mark.parametrize("held", [1, 2, 3])
async def test_the_newest_set_wins_wherever_it_is(
    temporal: Client, plane: Plane, held: int
) -> None:
    said = fresh("http://127.0.0.1:1").model_copy(update={"generation": 2})
    other = said.model_copy(update={"generation": held, "endpoints": ()})
    async with running(temporal, said):
        await plane.api.apply(other)
        await catch_up(temporal, plane.api)
        assert await in_force(plane.api, said.service) == (said if held < 2 else other)
    await forget(plane, said)


async def test_a_new_incarnation_replaces_a_set_with_a_higher_generation(
    temporal: Client, plane: Plane
) -> None:
    old = fresh().model_copy(update={"generation": 9})
    new = old.model_copy(update={"generation": 1, "incarnation": "i2", "started_at": 2.0})
    await plane.api.apply(old)
    async with running(temporal, new):
        await catch_up(temporal, plane.api)
        assert await in_force(plane.api, new.service) == new
    await forget(plane, new)


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled", "terminated"])
async def test_a_service_that_ended_is_dropped(temporal: Client, plane: Plane, end: str) -> None:
    found = fresh()
    handle = await started(temporal, found)
    await plane.api.apply(found)
    if end == "completed":
        await handle.signal(Service.stop)
    elif end == "failed":
        await handle.signal(Service.fail)
    else:
        await (handle.cancel() if end == "cancelled" else handle.terminate())

    async def dropped() -> bool:
        await catch_up(temporal, plane.api)
        return await in_force(plane.api, found.service) is None

    await eventually(dropped)


async def test_the_end_of_an_earlier_incarnation_drops_nothing(
    temporal: Client, plane: Plane
) -> None:
    old = fresh()
    await (await started(temporal, old)).terminate()
    served = old.model_copy(update={"incarnation": "i2", "started_at": 2.0})
    await plane.api.apply(served)
    await catch_up(temporal, plane.api)
    assert await in_force(plane.api, served.service) == served
    await forget(plane, served)


async def test_a_service_that_temporal_does_not_know_is_served_on(
    temporal: Client, plane: Plane
) -> None:
    unknown = fresh()
    await plane.api.apply(unknown)
    await catch_up(temporal, plane.api)
    assert await in_force(plane.api, unknown.service) == unknown
    await forget(plane, unknown)


async def test_one_service_that_is_refused_holds_up_no_other(
    temporal: Client, plane: Plane
) -> None:
    taken = await plane.serve()
    refused = fresh().model_copy(update={"port": taken.port})
    fine = fresh()
    async with running(temporal, refused), running(temporal, fine):
        with pytest.raises(ExceptionGroup, match="1 services are not up to date"):
            await catch_up(temporal, plane.api)
        assert await in_force(plane.api, fine.service) == fine
    await forget(plane, fine)


async def test_what_nobody_told_the_balancer_is_found_and_asking_leaves_no_trace(
    temporal: Client, plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "INTERVAL_SECONDS", 0.1)
    monkeypatch.setattr(upkeep, "_LOOK_SECONDS", 0.05)
    found = fresh()
    balancer = uuid4().hex
    async with running(temporal, found) as handle:
        task = asyncio.create_task(Upkeep(temporal, balancer, plane.api).run())
        await eventually(lambda: in_force(plane.api, found.service))
        last = newer(found)
        await handle.signal(Service.publish, last)

        async def caught_up() -> bool:
            return await in_force(plane.api, found.service) == last

        await eventually(caught_up)
        installation = temporal.get_workflow_handle(INSTALLATION_WORKFLOW_ID)
        handles = (handle, installation)
        before = [(await one.describe()).history_length for one in handles]
        await asyncio.sleep(1)
        assert [(await one.describe()).history_length for one in handles] == before
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.done()
    await forget(plane, last)


async def test_a_balancer_registers_again_with_an_installation_that_was_started_anew(
    temporal: Client,
) -> None:
    balancer = uuid4().hex
    await ensure_registered(temporal, balancer)
    handle = temporal.get_workflow_handle_for(InstallationWorkflow.run, INSTALLATION_WORKFLOW_ID)
    await handle.terminate()
    for _ in range(2):
        await ensure_registered(temporal, balancer)
        assert (await handle.query(InstallationWorkflow.slots)).balancers == [balancer]


async def test_a_balancer_registers_again_when_its_admin_port_is_another_one(
    temporal: Client,
) -> None:
    balancer = uuid4().hex
    for admin in ("http://127.0.0.1:1", "http://127.0.0.1:2"):
        await ensure_registered(temporal, balancer, admin)
        assert (await known_admins(temporal))[balancer] == admin
    installation = temporal.get_workflow_handle(INSTALLATION_WORKFLOW_ID)
    before = (await installation.describe()).history_length
    for same in ("http://127.0.0.1:2", ""):
        await ensure_registered(temporal, balancer, same)
    assert (await installation.describe()).history_length == before


async def test_a_control_process_tells_where_it_is_asked(temporal: Client, plane: Plane) -> None:
    async with control_process(temporal, plane.api, plane.home) as control:

        async def is_known() -> bool:
            return (await known_admins(temporal)).get(control.balancer) == control.admin

        await eventually(is_known)


async def test_a_data_plane_that_lost_its_disk_is_told_everything_at_once(
    temporal: Client, home: Path
) -> None:
    found = fresh()
    async with (
        running(temporal, found),
        DataPlane(Settings(home=home)) as api,
        control_process(temporal, api, home),
    ):
        for _ in range(2):
            with process(home, "data"):
                await answering(api)
                await eventually(lambda: in_force(api, found.service), seconds=SOON)
            shutil.rmtree(home / "balancer")


async def test_a_data_plane_that_was_away_for_long_serves_once_it_is_confirmed(
    temporal: Client, home: Path
) -> None:
    async with replica(named(b"x")) as upstream, DataPlane(Settings(home=home)) as api:
        found = fresh(upstream.url)
        alive = home / "balancer" / "alive.json"
        with process(home, "data"):
            await answering(api)
            await api.apply(found)
            await eventually(alive.exists)
        alive.write_text(json.dumps({"boot": "another", "since_boot": 0, "wall": 0}))
        with process(home, "data"):
            await answering(api)
            assert status(await ask(found.port, get())) == 503
            async with running(temporal, found), control_process(temporal, api, home):

                async def serves() -> bool:
                    return content(await ask(found.port, get())) == b"x"

                await eventually(serves, seconds=SOON)


async def test_what_changed_while_temporal_was_away_is_served_once_it_is_back(home: Path) -> None:
    found = fresh()
    last = newer(found)
    async with AsyncExitStack() as stack:
        address, database = f"127.0.0.1:{free_port()}", home / "temporal.db"
        client = await Client.connect(address, lazy=True, data_converter=pydantic_data_converter)
        api = await stack.enter_async_context(DataPlane(Settings(home=home)))
        stack.enter_context(process(home, "data"))
        server = await start_at(address, database)
        async with workflow_worker(server.client):
            handle = await started(server.client, found)
            await stack.enter_async_context(control_process(client, api, home))
            await eventually(lambda: in_force(api, found.service))
        # Nobody works on it any more, so that nobody can tell.
        await handle.signal(Service.publish, last)
        await server.shutdown()
        log = home / "control.log"
        await eventually(lambda: "Temporal does not answer" in log.read_text())
        assert await in_force(api, found.service) == found
        server = await start_at(address, database)
        async with workflow_worker(server.client):

            async def caught_up() -> bool:
                return await in_force(api, found.service) == last

            await eventually(caught_up, seconds=SOON)
        await server.shutdown()
