"""The network of a machine: a pair of interfaces and an address that no other machine has."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from socket import AF_INET, IPPROTO_TCP, IPPROTO_UDP

from pyroute2.iproute import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from skyflow.clouds.local import namespaces, outbound
from skyflow.clouds.local.way_out import WayOut

RANGE = IPv4Network("198.18.0.0/15")
"""Set aside for tests between networks by RFC 2544, so no host on the internet has it."""
_GUARD_METRIC = 2**31
"""Preference of the guard route, below that of any other one."""
_NAMES_PORT = 53
_NAMES_TABLE = 53
"""Number of a machine's routing table for name servers, and preference of the rules for it."""
_BLOCK_BITS = 30
_BLOCKS = 2 ** (_BLOCK_BITS - RANGE.prefixlen)


class NetworkExhausted(Exception):
    """Every block of addresses is in use on this computer."""


@dataclass(frozen=True)
class Link:
    """The connection between the computer and one machine."""

    interface: str
    """Name on the computer's side."""
    gateway: IPv4Address
    """The computer's address on it."""
    address: IPv4Address
    """The machine's address on it."""


def connect(process: int, computer: int, way_out: WayOut | None = None) -> Link:
    """Connect the network of a process with the computer's, given by file descriptor.

    The connection vanishes with the last process of that network. Without a way out the process
    reaches the computer and its machines.

    Raises:
        NetworkExhausted: No block of addresses is free.
        NetlinkError: The kernel refused.
        OSError: The kernel refused.

    """
    namespaces.enter_network(computer)
    with IPRoute() as outside:
        _guard(outside)
        link = _make_pair(outside, process)
        index = outside.link_lookup(ifname=link.interface)[0]
        outside.addr("add", index=index, address=str(link.gateway), prefixlen=_BLOCK_BITS)
        outside.link("set", index=index, state="up")
    namespaces.allow_forwarding(link.interface)
    if way_out:
        # Now that there is an interface, nobody who ends an installation takes the rules away.
        outbound.open_way(RANGE, way_out.interface)
    machine = namespaces.open_network(str(process))
    namespaces.enter_network(machine)
    with IPRoute() as inside:
        _configure_machine(inside, link)
        if way_out:
            _lead_out(inside, link, way_out)
    namespaces.enter_network(computer)
    return link


def leave_computer() -> bool:
    """Remove what machines left in the kernel, unless one is connected; return whether it could.

    Raises:
        NetlinkError: The kernel refused.
        OSError: The kernel refused.

    """
    with IPRoute() as computer:
        if _connected():
            return False
        ways = outbound.close_ways()
        _unguard(computer)
        if _connected():
            # One that was connected meanwhile may have found the rules that are gone now.
            _guard(computer)
            for interface in ways:
                outbound.open_way(RANGE, interface)
    return True


def free_blocks(used: Iterable[IPv4Network], start: int) -> Iterator[int]:
    """Yield the numbers of the blocks that overlap nothing used, beginning anywhere."""
    taken = [network for network in used if network.prefixlen > 0 and network.overlaps(RANGE)]
    for offset in range(_BLOCKS):
        number = (start + offset) % _BLOCKS
        if not any(_block(number).overlaps(network) for network in taken):
            yield number


def _guard(outside: IPRoute) -> None:
    """Have the computer refuse what is sent to the address of a machine that is gone.

    Its interface vanishes with it. Without this route the computer's default route would take
    requests for it to the world outside, where something else may answer. It stays: a balancer may
    ask after a machine long after its end.
    """
    try:
        outside.route("add", dst=str(RANGE), type="unreachable", priority=_GUARD_METRIC)
    except NetlinkError as error:
        if error.code != errno.EEXIST:
            raise


def _unguard(outside: IPRoute) -> None:
    try:
        outside.route("del", dst=str(RANGE), type="unreachable", priority=_GUARD_METRIC)
    except NetlinkError as error:
        if error.code != errno.ESRCH:
            raise


def _connected() -> bool:
    return any(name.startswith(outbound.INTERFACES) for _, name in socket.if_nameindex())


def _make_pair(outside: IPRoute, process: int) -> Link:
    # Anywhere rather than the lowest: an address of a machine that just ended is not soon reused.
    for number in free_blocks(_used(outside), random.randrange(_BLOCKS)):
        block = _block(number)
        # The name stands for the block, and the kernel gives a name once: so it gives the block
        # once, whichever installations on this computer ask at the same time.
        link = Link(f"{outbound.INTERFACES}{number}", block[1], block[2])
        peer = {"ifname": "eth0", "net_ns_pid": process}
        try:
            outside.link("add", ifname=link.interface, kind="veth", peer=peer)
        except NetlinkError as error:
            if error.code != errno.EEXIST:
                raise
            continue
        return link
    raise NetworkExhausted(f"every address of {RANGE} is in use on this computer")


def _used(outside: IPRoute) -> Iterator[IPv4Network]:
    for address in outside.get_addr(family=AF_INET):
        text = f"{address.get_attr('IFA_ADDRESS')}/{address['prefixlen']}"
        yield IPv4Network(text, strict=False)
    for route in outside.get_routes(family=AF_INET):
        guards = route.get_attr("RTA_PRIORITY") == _GUARD_METRIC
        if not guards and (destination := route.get_attr("RTA_DST")):
            yield IPv4Network(f"{destination}/{route['dst_len']}", strict=False)


def _configure_machine(inside: IPRoute, link: Link) -> None:
    inside.link("set", index=inside.link_lookup(ifname="lo")[0], state="up")
    index = inside.link_lookup(ifname="eth0")[0]
    inside.addr("add", index=index, address=str(link.address), prefixlen=_BLOCK_BITS)
    inside.link("set", index=index, state="up")
    # To other machines only. A default route that leads nowhere would make every look-up of a name
    # wait for its time-out; without one it fails at once.
    inside.route("add", dst=str(RANGE), gateway=str(link.gateway))


def _lead_out(inside: IPRoute, link: Link, way_out: WayOut) -> None:
    gateway = str(link.gateway)
    inside.route("add", dst="default", gateway=gateway)
    for network in way_out.refused:
        inside.route("add", dst=network, type="unreachable")
    # Name servers may have an address that is refused, at some clouds that of the metadata too.
    for server in way_out.resolvers:
        inside.route("add", dst=f"{server}/32", gateway=gateway, table=_NAMES_TABLE)
    for protocol in (IPPROTO_UDP, IPPROTO_TCP):
        which = {"ip_proto": protocol, "dport_range": f"{_NAMES_PORT}:{_NAMES_PORT}"}
        inside.rule("add", table=_NAMES_TABLE, priority=_NAMES_TABLE, **which)


def _block(number: int) -> IPv4Network:
    first = int(RANGE.network_address) + number * 2 ** (32 - _BLOCK_BITS)
    return IPv4Network((first, _BLOCK_BITS))
