"""The control process between a real Temporal and a real data plane."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from lb.control.data_plane import DataPlane
from skyflow.config import Settings
from skyflow.contracts import WORKFLOW_QUEUE, DrainRequest
from skyflow.naming import INSTALLATION_WORKFLOW_ID, service_workflow_id
from tests.lb.control_plane import Control, control_process, workflow_worker
from tests.lb.plane import Plane, answering, endpoint_set, free_port, process
from tests.lb.temporal_workflows import Service
from tests.lb.test_endpoint_sets import Slow, named
from tests.lb.wire import ask, connection, content, get, replica, status
from tests.temporal import BINARY, start_server
from tests.waiting import eventually
from workflows.installation import InstallationWorkflow


@pytest.fixture(scope="module")
async def control(temporal: Client, running_plane: Plane) -> AsyncIterator[Control]:
    async with control_process(temporal, running_plane.api, running_plane.home) as running:
        await eventually(running.healthy)
        yield running


async def test_a_balancer_registers_itself(control: Control) -> None:
    handle = control.client.get_workflow_handle_for(
        InstallationWorkflow.run, INSTALLATION_WORKFLOW_ID
    )

    async def registered() -> bool:
        try:
            return control.balancer in (await handle.query(InstallationWorkflow.slots)).balancers
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # healthy before it has registered
                return False
            raise

    await eventually(registered)


async def test_endpoints_are_put_in_force(control: Control, plane: Plane) -> None:
    async with replica(named(b"x")) as upstream:
        served = await plane.serve()
        newer = served.endpoints.model_copy(
            update={"generation": 7, "endpoints": endpoint_set(upstream.url).endpoints}
        )
        assert (await control.apply(newer)).generation == 7
        assert content(await ask(served.port, get())) == b"x"
        assert (await control.apply(served.endpoints)).generation == 7
        served.endpoints = newer


async def test_a_refused_port_is_an_error_that_names_it(control: Control, plane: Plane) -> None:
    taken = await plane.serve()
    wanted = endpoint_set().model_copy(update={"service": uuid4().hex, "port": taken.port})
    with pytest.raises(WorkflowFailureError) as failure:
        await control.apply(wanted)
    assert isinstance(failure.value.cause, ActivityError)
    error = failure.value.cause.cause
    assert isinstance(error, ApplicationError)
    assert (error.type, error.non_retryable) == ("PortUnavailable", True)
    assert error.details == (taken.port,)


async def test_a_drain_waits_for_what_is_in_flight(control: Control, plane: Plane) -> None:
    slow = Slow()
    async with replica(slow) as upstream:
        served = await plane.serve(upstream.url)
        async with connection(served.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\nabc")
            name = served.endpoints.service
            short = DrainRequest(service=name, replica_id=1, deadline=time.time() + 0.2)
            assert (await control.drain(short)).remaining == 1
            long = DrainRequest(service=name, replica_id=1, deadline=time.time() + 60)
            drained = asyncio.create_task(control.drain(long))
            slow.finish.set()
            assert await reader.read() == b"def"
            assert (await drained).remaining == 0


async def test_metrics_are_those_of_the_data_plane(control: Control, plane: Plane) -> None:
    async with replica(named(b"x")) as upstream:
        served, empty = await plane.serve(upstream.url), await plane.serve()
        await ask(served.port, get())
        await ask(empty.port, get())
        code, text = await control.admin_get("/metrics")
    labels = f'service="{served.endpoints.service}"'
    assert code == 200
    assert f'skyflow_requests_total{{code="200",replica="1",{labels}}} 1.0' in text
    assert f'skyflow_requests_in_flight{{replica="1",{labels}}} 0.0' in text
    assert f"skyflow_request_duration_seconds_count{{{labels}}} 1.0" in text
    labels = f'service="{empty.endpoints.service}"'
    assert f'skyflow_requests_total{{code="503",replica="",{labels}}} 1.0' in text


async def test_running_services_are_served_from_the_start(temporal: Client, home: Path) -> None:
    wanted = endpoint_set()
    portless = service_workflow_id("portless")
    for workflow_id, argument in ((service_workflow_id("demo"), wanted), (portless, None)):
        await temporal.start_workflow(
            Service.run, argument, id=workflow_id, task_queue=WORKFLOW_QUEUE
        )
    async with DataPlane(Settings(home=home)) as api, control_process(temporal, api, home):
        with process(home, "data"):
            await answering(api)

            async def served() -> bool:
                return (await api.endpoint_sets()).sets == (wanted,)

            await eventually(served)
            assert status(await ask(wanted.port, get())) == 503
    for workflow_id in (service_workflow_id("demo"), portless):
        await temporal.get_workflow_handle(workflow_id).terminate()


async def test_a_control_process_that_cannot_register_ends_when_told_to(home: Path) -> None:
    server = await start_server()  # without workers, nothing answers a registration
    log = home / "control.log"
    async with (
        DataPlane(Settings(home=home)) as api,
        control_process(server.client, api, home),
    ):
        await eventually(lambda: "working on" in log.read_text())
    await server.shutdown()
    assert "stopped" in log.read_text()


async def test_a_data_plane_that_is_away_is_waited_for(temporal: Client, home: Path) -> None:
    wanted = endpoint_set()
    async with DataPlane(Settings(home=home)) as api, control_process(temporal, api, home) as away:
        applied = asyncio.create_task(away.apply(wanted))
        code, text = await away.admin_get("/healthz")
        assert (code, '"data_plane": false' in text) == (503, True)
        assert (await away.admin_get("/metrics"))[0] == 503
        with process(home, "data"):
            assert (await applied).generation == wanted.generation
            await eventually(away.healthy)


async def test_temporal_may_come_later_and_go_again(home: Path) -> None:
    async with AsyncExitStack() as stack:
        address = f"127.0.0.1:{free_port()}"
        client = await Client.connect(address, lazy=True, data_converter=pydantic_data_converter)
        api = await stack.enter_async_context(DataPlane(Settings(home=home)))
        stack.enter_context(process(home, "data"))
        control = await stack.enter_async_context(control_process(client, api, home))
        assert not await control.healthy()
        database = home / "temporal.db"
        for _ in range(2):
            server = await start_at(address, database)
            async with workflow_worker(server.client):
                await eventually(control.healthy)
                assert (await control.apply(endpoint_set())).generation == 1
            await server.shutdown()
            await eventually(lambda: unhealthy(control))


async def unhealthy(control: Control) -> bool:
    return not await control.healthy()


async def start_at(address: str, database: Path) -> WorkflowEnvironment:
    return await WorkflowEnvironment.start_local(
        port=int(address.rpartition(":")[2]),
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(BINARY),
        dev_server_database_filename=str(database),
        dev_server_log_level="error",
        dev_server_startup_timeout=timedelta(minutes=1),
    )
