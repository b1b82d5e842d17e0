"""A reboot leaves files behind, from which the services come back; a purge leaves nothing."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.local.marks import processes_of_all
from skyflow.clouds.local.processes import MARKER
from skyflow.config import LocalNetwork
from skyflow.processes import find_stack_members, find_supervisors
from tests.clouds.computer import OUTSIDE_ADDRESS, another_computer
from tests.e2e.computer import described, processes_about
from tests.e2e.conftest import NETWORKS
from tests.e2e.services import write_service
from tests.e2e.stack import Stack
from tests.processes import variables_of
from tests.waiting import eventually

NAME = "phoenix"


@pytest.fixture(
    params=[pytest.param(n, marks=pytest.mark.xdist_group(f"e2e-{n}")) for n in NETWORKS]
)
async def rebooting(
    request: pytest.FixtureRequest, _environment: None, tmp_path: Path
) -> AsyncIterator[Stack]:
    """Give a stack on a computer that may be rebooted."""
    home = Path(tempfile.mkdtemp(prefix="skyflow-", dir="/tmp"))
    stack = Stack(home=home, network=request.param, outbound="public")
    stack.temporary.mkdir()
    try:
        async with _computer(request.param, tmp_path):
            yield stack
    finally:
        for process in processes_about(str(home)):
            process.kill()
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.timeout(300)
async def test_services_come_back_after_a_reboot_and_a_purge_leaves_nothing(
    rebooting: Stack, tmp_path: Path
) -> None:
    stack = rebooting
    spec = write_service(tmp_path, service={"replicas": 2})
    await stack.run("serve", "up", spec, "-n", NAME, "-y")
    before = {path.name for path in stack.machines()}
    assert len(before) == 2

    await reboot(stack)
    await stack.run("stack", "up")
    service = await eventually(lambda: came_back(stack, before), 90)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(service["endpoint"])).status_code == 200
    await nothing_is_left_of(stack, before)

    await reboot(stack)
    purged = (await stack.run("stack", "down", "--purge", "-y", "--json")).document
    assert (purged["stopped"], purged["machines"], purged["left"]) == (False, 2, [])
    assert list(stack.home.iterdir()) == [stack.temporary]
    assert [described(process) for process in processes_about(str(stack.home))] == []
    assert await kernel_state(stack.network) == []


async def reboot(stack: Stack) -> None:
    """End at once all that a reboot ends; files stay as they are."""
    stack_processes = [m.identity.pid for m in find_stack_members(stack.home)]
    stack_processes += [identity.pid for identity in find_supervisors(stack.home)]
    assert len(stack_processes) == 5
    machines = [process.pid for process in processes_of_all(stack.settings.machines)]
    for process in processes_about(str(stack.home)):
        if process.pid in (*stack_processes, *machines):
            # A machine of its own namespaces takes those in it along.
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
    await eventually(lambda: not processes_about(str(stack.home)), what="all are dead")
    if stack.network == "own":
        from skyflow.clouds.local import network

        leave = partial(asyncio.to_thread, network.leave_computer)
        await eventually(leave, what="the machines' interfaces are gone")


async def came_back(stack: Stack, before: set[str]) -> dict[str, Any]:
    """Return the service as soon as it has two ready replicas on machines of their own again."""
    machines = {path.name for path in stack.machines()}
    if len(machines) != 2 or machines & before:
        return {}
    [service] = (await stack.run("serve", "status", NAME, "--json")).document["services"]
    return service if service["ready_replicas"] == 2 else {}


async def nothing_is_left_of(stack: Stack, before: set[str]) -> None:
    cloud = LocalCloud(stack.settings)
    now = {path.name for path in stack.machines()}
    assert set(cloud.ledger.existing()) == now
    assert {name for name, _ in await cloud.owned("")} == now
    known = [variables_of(process) for process in machine_processes(stack)]
    running = {Path(variables[MARKER]).name for variables in known if variables}
    assert running == now


def machine_processes(stack: Stack) -> list[Any]:
    return [p for p in processes_of_all(stack.settings.machines) if p.is_running()]


async def kernel_state(network: LocalNetwork) -> list[str]:
    """Return the rules, routes and interfaces of machines that the kernel has."""
    if network == "shared":
        return []
    return await asyncio.to_thread(_kernel_state)


def _kernel_state() -> list[str]:
    from pyroute2.iproute import IPRoute

    from skyflow.clouds.local import outbound, rules

    with IPRoute() as kernel:
        links = [link.get_attr("IFLA_IFNAME") for link in kernel.get_links()]
        routes = [route.get_attr("RTA_DST") or "" for route in kernel.get_routes(family=2)]
    found = [name for name in links if name.startswith(outbound.INTERFACES)]
    found += [route for route in routes if route.startswith("198.1")]
    return found + rules.chains_of(outbound.TABLE)


@asynccontextmanager
async def _computer(network: LocalNetwork, folder: Path) -> AsyncIterator[None]:
    # The rules of the kernel are those of all tests that run on the real one.
    if network == "shared":
        yield
        return
    async with another_computer(folder) as outside:
        names = await outside.serve_names(OUTSIDE_ADDRESS)
        yield
        names.close()
