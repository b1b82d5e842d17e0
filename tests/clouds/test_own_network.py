from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator
from ipaddress import IPv4Network
from pathlib import Path

import httpx
import pytest

from skyflow.clouds.base import Machine
from skyflow.clouds.local import network
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import Settings
from tests.clouds.access import Access, directory_of, processes_of, request
from tests.waiting import eventually

SERVE = "setsid python3 -m http.server 8080 >/dev/null 2>&1 </dev/null &"


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[LocalCloud]:
    settings = Settings(home=tmp_path / "home", local_network="own", local_outbound="none")
    local = LocalCloud(settings)
    yield local
    await local.terminate([name for name, _ in await local.owned("")], "")


async def test_two_machines_listen_on_the_same_port(cloud: LocalCloud, access: Access) -> None:
    for name in ("skyflow-test-1", "skyflow-test-2"):
        machine = await cloud.launch(request(name), access.keys)
        assert (machine.ssh_port, machine.replica_port) == (22, 8080)
        await access.run(machine, f"echo {name} >index.html; {SERVE}")
        assert await eventually(lambda: fetch(machine)) == f"{name}\n"  # noqa: B023


async def test_machines_reach_each_other(cloud: LocalCloud, access: Access) -> None:
    first = await cloud.launch(request("skyflow-test-1"), access.keys)
    second = await cloud.launch(request("skyflow-test-2"), access.keys)
    probe = f"(echo -n >/dev/tcp/{first.internal_address}/22) && echo reached"
    assert await access.run(second, probe) == "reached\n"


async def test_look_up_of_a_name_fails_at_once(cloud: LocalCloud, access: Access) -> None:
    machine = await cloud.launch(request(), access.keys)
    async with await access.connect(machine) as connection:
        done = await connection.run("timeout 3 getent hosts nowhere.example", check=False)
    assert done.exit_status not in (0, 124)


async def test_machine_sees_only_its_own_processes_and_name(
    cloud: LocalCloud, access: Access
) -> None:
    machine = await cloud.launch(request(), access.keys)
    output = await access.run(machine, "cat /proc/sys/kernel/hostname; echo /proc/[0-9]*")
    host, processes = output.splitlines()
    assert host == machine.name
    assert "/proc/1" in processes.split()
    assert len(processes.split()) <= 4


async def test_end_of_the_first_process_ends_all_and_removes_the_interface(
    cloud: LocalCloud, access: Access
) -> None:
    machine = await cloud.launch(request(), access.keys)
    await access.run(machine, f"(env -i {SERVE.removesuffix('&')} &); {SERVE}")
    directory = directory_of(cloud, machine.name)
    assert directory.holder
    assert directory.contact
    assert directory.contact.interface
    interface = directory.contact.interface
    socket.if_nametoindex(interface)
    os.kill(directory.holder, signal.SIGKILL)
    await eventually(lambda: not processes_of(cloud, machine.name))
    await eventually(lambda: interface not in interfaces())


async def test_nothing_is_sent_elsewhere_for_a_machine_that_is_gone(
    cloud: LocalCloud, access: Access
) -> None:
    machine = await cloud.launch(request(), access.keys)
    await cloud.terminate([machine.name], "local")
    with socket.socket() as client, pytest.raises(OSError) as refused:
        client.connect((machine.address, 80))
    assert refused.value.errno == errno.EHOSTUNREACH


async def test_terminate_returns_when_the_interfaces_are_gone(
    cloud: LocalCloud, access: Access
) -> None:
    names = ["skyflow-test-1", "skyflow-test-2", "skyflow-test-3"]
    await asyncio.gather(*(cloud.launch(request(name), access.keys) for name in names))
    contacts = [directory_of(cloud, name).contact for name in names]
    made = {contact.interface for contact in contacts if contact}
    assert made <= interfaces()
    await cloud.terminate(names, "local")
    assert not made & interfaces()


async def test_auto_takes_a_network_of_its_own_where_it_works(tmp_path: Path) -> None:
    assert LocalCloud(Settings(home=tmp_path)).network_mode() == "own"


def test_blocks_in_use_are_never_chosen() -> None:
    used = [IPv4Network("198.18.0.0/29"), IPv4Network("198.18.0.12/32"), IPv4Network("10.0.0.0/8")]
    assert next(network.free_blocks(used, 0)) == 2
    assert next(network.free_blocks([*used, IPv4Network("198.18.0.8/30")], 0)) == 4


def test_no_block_is_free_when_something_has_the_whole_range() -> None:
    assert list(network.free_blocks([IPv4Network("198.18.0.0/15")], 5)) == []


def test_default_route_takes_no_block() -> None:
    assert next(network.free_blocks([IPv4Network("0.0.0.0/0")], 7)) == 7


def interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


async def fetch(machine: Machine) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            answer = await client.get(f"http://{machine.address}:{machine.replica_port}/")
        except httpx.HTTPError:
            return ""
        return answer.text
