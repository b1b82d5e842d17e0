"""The computer's kernel lets its machines reach the world outside, and strangers reach nothing.

The rules are one table, shared by every installation on the computer. Each part of it is made in
one transaction that fails if the part is there, so any number of processes may ask at once.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path

from pyroute2.netlink.exceptions import NetlinkError

from skyflow.clouds.local import rules

TABLE = "skyflow"
INTERFACES = "skyflow"
"""What the names of machines' interfaces on the computer's side start with."""
_GUARD = "guard-"
"""What the name of the chain starts with that stands for an interface which began to forward."""


def open_way(machines: IPv4Network, interface: str) -> None:
    """Let machines out by an interface of the computer, with the computer's address.

    Answers come in again; nothing else that comes in is passed on to them.

    Raises:
        OSError: The kernel does not allow it.
        NetlinkError: The kernel has no nftables, or does not allow it.

    """
    _once(rules.new_table(TABLE), *_way_out(machines), *_answers_only())
    forwarding = _forwarding(interface)
    if forwarding.read_text().strip() == "1":
        return
    # First the guard: at no time does the computer pass on what strangers send to others.
    _once(*_no_strangers(interface))
    forwarding.write_text("1")


def close_ways() -> Sequence[str]:
    """Undo all of it; return the interfaces that began to forward for it."""
    chains = [name for name in rules.chains_of(TABLE) if name.startswith(_GUARD)]
    guarded = [name.removeprefix(_GUARD) for name in chains]
    for interface in guarded:
        # An interface that is gone has left nothing.
        with contextlib.suppress(FileNotFoundError):
            _forwarding(interface).write_text("0")
    try:
        rules.transact(rules.no_table(TABLE))
    except NetlinkError as error:
        if error.code != errno.ENOENT:
            raise
    return guarded


def _once(*messages: rules.Message) -> None:
    try:
        rules.transact(*messages)
    except NetlinkError as error:
        if error.code != errno.EEXIST:
            raise


def _way_out(machines: IPv4Network) -> list[rules.Message]:
    chain = "out"
    return [
        rules.new_chain(TABLE, chain, "nat", rules.AFTER_ROUTING, rules.SOURCE_NAT_PRIORITY),
        rules.new_rule(
            TABLE,
            chain,
            rules.comes_from(machines),
            rules.leaves_by_none_of(INTERFACES),
            rules.WITH_THE_COMPUTERS_ADDRESS,
        ),
    ]


def _answers_only() -> list[rules.Message]:
    chain = "in"
    return [
        rules.new_chain(TABLE, chain, "filter", rules.FORWARD, rules.FILTER_PRIORITY),
        rules.new_rule(
            TABLE,
            chain,
            rules.comes_in_by_none_of(INTERFACES),
            rules.leaves_by_one_of(INTERFACES),
            rules.state_is_not(rules.ESTABLISHED_OR_RELATED),
            rules.DROPPED,
        ),
    ]


def _no_strangers(interface: str) -> list[rules.Message]:
    """Return the chain that keeps an interface from forwarding to others than machines.

    What another program redirects on purpose passes, such as ports that containers publish.
    """
    chain = _GUARD + interface
    return [
        rules.new_chain(TABLE, chain, "filter", rules.FORWARD, rules.FILTER_PRIORITY),
        rules.new_rule(
            TABLE,
            chain,
            rules.comes_in_at(interface),
            rules.leaves_by_none_of(INTERFACES),
            rules.state_is(rules.NEW),
            rules.status_is_not(rules.DESTINATION_CHANGED),
            rules.DROPPED,
        ),
    ]


def _forwarding(interface: str) -> Path:
    return Path("/proc/sys/net/ipv4/conf") / interface / "forwarding"
