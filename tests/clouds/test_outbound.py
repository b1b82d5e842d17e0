"""What machines with networks of their own reach beyond their computer, and who reaches them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from pyroute2.nftables.expressions import genex

from skyflow.clouds.base import Machine
from skyflow.clouds.local import mode, outbound, rules
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import LocalOutbound, Settings
from tests.clouds.access import Access, request
from tests.clouds.computer import (
    OUTSIDE_ADDRESS,
    OWN_ADDRESS,
    UPLINK,
    Outside,
    another_computer,
    host_behind,
    names,
)
from tests.waiting import eventually

PUBLIC = "198.51.100.7"
METADATA = "169.254.169.254"
_BEFORE_ROUTING, _TO_DESTINATION, _IPV4 = 0, 1, 2


@pytest.fixture
async def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outside]:
    monkeypatch.setattr(mode, "_tried", {})
    async with another_computer(tmp_path) as outside:
        yield outside


@asynccontextmanager
async def cloud_of(home: Path, reach: LocalOutbound = "public") -> AsyncIterator[LocalCloud]:
    settings = Settings(home=home, local_network="own", local_outbound=reach)
    cloud = LocalCloud(settings)
    yield cloud
    await cloud.terminate([name for name, _ in await cloud.owned("")], "")


@pytest.fixture
async def cloud(tmp_path: Path, outside: Outside) -> AsyncIterator[LocalCloud]:
    """Return a cloud on a computer whose name server answers."""
    transport = await outside.serve_names(OUTSIDE_ADDRESS)
    async with cloud_of(tmp_path / "home") as cloud:
        yield cloud
    transport.close()


async def fetched(access: Access, machine: Machine, address: str, port: int = 80) -> str:
    """Return what a machine gets from an address, or why it gets nothing, within five seconds."""
    command = f"timeout 5 bash -c 'cat </dev/tcp/{address}/{port}' 2>&1 || echo status $?"
    return await access.run(machine, command)


async def test_machine_reaches_the_world_with_the_computers_address(
    cloud: LocalCloud, access: Access, outside: Outside
) -> None:
    machine = await cloud.launch(request(), access.keys)
    async with await outside.serve(PUBLIC):
        assert await fetched(access, machine, PUBLIC) == "hello\n"
    assert outside.clients == [OWN_ADDRESS]


async def test_machine_asks_the_computers_name_server(
    cloud: LocalCloud, access: Access, outside: Outside
) -> None:
    machine = await cloud.launch(request(), access.keys)
    before = outside.questions
    await access.run(machine, "timeout 5 getent hosts nowhere.example; test $? = 2")
    assert outside.questions > before


async def test_strangers_do_not_reach_machines(
    cloud: LocalCloud, access: Access, outside: Outside
) -> None:
    machine = await cloud.launch(request(), access.keys)
    assert not outside.reaches(machine.address, machine.ssh_port)


async def test_strangers_reach_nobody_else_through_the_computer(
    cloud: LocalCloud, access: Access, outside: Outside
) -> None:
    await cloud.launch(request(), access.keys)
    async with host_behind("10.9.9.1", "10.9.9.2"):
        assert not outside.reaches("10.9.9.2", 80)


async def test_ports_that_other_programs_publish_are_reached(
    cloud: LocalCloud, access: Access, outside: Outside
) -> None:
    await cloud.launch(request(), access.keys)
    async with host_behind("10.9.9.1", "10.9.9.2"):
        await asyncio.to_thread(publish, "10.9.9.2")
        await eventually(lambda: outside.reaches(OWN_ADDRESS, 80))


@pytest.mark.parametrize("address", [METADATA, "10.1.2.3", "192.168.1.1", "168.63.129.16"])
async def test_private_networks_and_metadata_are_refused_at_once(
    cloud: LocalCloud, access: Access, outside: Outside, address: str
) -> None:
    machine = await cloud.launch(request(), access.keys)
    async with await outside.serve(address):
        assert "No route to host" in await fetched(access, machine, address)


async def test_all_that_the_computer_reaches_is_reached_if_asked_for(
    tmp_path: Path, access: Access, outside: Outside
) -> None:
    transport = await outside.serve_names(OUTSIDE_ADDRESS)
    async with cloud_of(tmp_path / "home", "all") as cloud:
        machine = await cloud.launch(request(), access.keys)
        async with await outside.serve("10.1.2.3"):
            assert await fetched(access, machine, "10.1.2.3") == "hello\n"
    transport.close()


async def test_a_name_server_at_a_refused_address_answers_names_only(
    tmp_path: Path, access: Access, outside: Outside
) -> None:
    names(tmp_path, f"nameserver {METADATA}\n")
    transport = await outside.serve_names(METADATA)
    async with cloud_of(tmp_path / "home") as cloud, await outside.serve(METADATA):
        machine = await cloud.launch(request(), access.keys)
        await access.run(machine, "timeout 5 getent hosts nowhere.example; test $? = 2")
        assert "No route to host" in await fetched(access, machine, METADATA)
    transport.close()


async def test_machine_asks_those_whom_the_computers_own_name_server_asks(
    tmp_path: Path, access: Access, outside: Outside
) -> None:
    names(tmp_path, "nameserver 127.0.0.53\n")
    upstream = Path("/run/systemd/resolve/resolv.conf")
    upstream.parent.mkdir(parents=True)
    upstream.write_text(f"nameserver {OUTSIDE_ADDRESS}\n")
    transport = await outside.serve_names(OUTSIDE_ADDRESS)
    async with cloud_of(tmp_path / "home") as cloud:
        machine = await cloud.launch(request(), access.keys)
        seen = await access.run(
            machine, "cat /etc/resolv.conf; timeout 5 getent hosts no.example; test $? = 2"
        )
        assert seen == upstream.read_text()
        assert Path("/etc/resolv.conf").read_text() == "nameserver 127.0.0.53\n"
    transport.close()


async def test_without_a_name_server_that_answers_everything_fails_at_once(
    tmp_path: Path, access: Access, outside: Outside
) -> None:
    async with cloud_of(tmp_path / "home") as cloud, await outside.serve(PUBLIC):
        machine = await cloud.launch(request(), access.keys)
        assert "Network is unreachable" in await fetched(access, machine, PUBLIC)
        await access.run(machine, "timeout 3 getent hosts nowhere.example; test $? = 2")


async def test_where_another_program_refuses_to_forward_everything_fails_at_once(
    cloud: LocalCloud, access: Access, outside: Outside
) -> None:
    await asyncio.to_thread(drop_what_is_forwarded)
    machine = await cloud.launch(request(), access.keys)
    async with await outside.serve(PUBLIC):
        assert "Network is unreachable" in await fetched(access, machine, PUBLIC)


async def test_machine_has_no_way_out_if_none_is_wanted(
    tmp_path: Path, access: Access, outside: Outside
) -> None:
    transport = await outside.serve_names(OUTSIDE_ADDRESS)
    async with cloud_of(tmp_path / "home", "none") as cloud:
        machine = await cloud.launch(request(), access.keys)
        assert "Network is unreachable" in await fetched(access, machine, PUBLIC)
    assert await chains() == []
    assert forwarding(UPLINK) == "0"
    transport.close()


async def test_rules_are_made_once_and_vanish_without_a_trace(
    cloud: LocalCloud, access: Access
) -> None:
    launches = (cloud.launch(request(f"skyflow-test-{n}"), access.keys) for n in range(3))
    await asyncio.gather(*launches)
    assert sorted(await chains()) == ["guard-uplink0", "in", "out"]
    assert (forwarding(UPLINK), forwarding("all")) == ("1", "0")
    await asyncio.to_thread(outbound.close_ways)
    assert await chains() == []
    assert forwarding(UPLINK) == "0"


async def chains() -> list[str]:
    return await asyncio.to_thread(rules.chains_of, outbound.TABLE)


def forwarding(interface: str) -> str:
    return Path(f"/proc/sys/net/ipv4/conf/{interface}/forwarding").read_text().strip()


def publish(address: str) -> None:
    """Send on to another address what arrives for the computer, as programs do for containers."""
    data = {"attrs": [("NFTA_DATA_VALUE", IPv4Address(address).packed)]}
    translation = {"type": _TO_DESTINATION, "family": _IPV4, "reg_addr_min": 1}
    rules.transact(
        rules.new_table("another"),
        rules.new_chain("another", "publish", "nat", _BEFORE_ROUTING, -100),
        rules.new_rule(
            "another",
            "publish",
            rules.comes_in_at(UPLINK),
            [genex("immediate", {"dreg": 1, "data": data}), genex("nat", translation)],
        ),
    )


def drop_what_is_forwarded() -> None:
    """Have another program's rules refuse to forward anything, as with Docker."""
    rules.transact(
        rules.new_table("another"),
        rules.new_chain("another", "forward", "filter", rules.FORWARD, 0),
        rules.new_rule("another", "forward", rules.DROPPED),
    )
