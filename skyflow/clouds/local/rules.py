"""Rules of nftables, as the kernel takes them: conditions, verdicts and transactions."""

from __future__ import annotations

import sys
from ipaddress import IPv4Network
from typing import Any

from pyroute2.netlink import NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST
from pyroute2.netlink.nfnetlink import NFNL_SUBSYS_NFTABLES, nfgen_msg
from pyroute2.netlink.nfnetlink.nftsocket import (
    NFT_MSG_DELTABLE,
    NFT_MSG_NEWCHAIN,
    NFT_MSG_NEWRULE,
    NFT_MSG_NEWTABLE,
    Cmp,
    Meta,
    nft_chain_msg,
    nft_rule_msg,
    nft_table_msg,
)
from pyroute2.nftables.expressions import genex, masq, verdict
from pyroute2.nftables.main import NFTables

Part = list[dict[str, Any]]
"""A condition of a rule, or its verdict."""
Message = Any
"""A message of pyroute2, which has no types."""

# From linux/netfilter.h, netfilter_ipv4.h, nfnetlink.h and nf_conntrack_common.h.
FORWARD, AFTER_ROUTING = 2, 4
FILTER_PRIORITY, SOURCE_NAT_PRIORITY = 0, 100
ESTABLISHED_OR_RELATED, NEW = 2 | 4, 8
DESTINATION_CHANGED = 1 << 5
_DROP, _ACCEPT = 0, 1
_IPV4 = 2
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11

# From linux/netfilter/nf_tables.h, linux/ip.h and linux/if.h.
_REGISTER = 1
_NETWORK_HEADER, _SOURCE_OFFSET, _ADDRESS_BYTES = 1, 12, 4
_CT_STATE, _CT_STATUS = 0, 2
_NAME_BYTES = 16

DROPPED: Part = verdict(code=_DROP)
WITH_THE_COMPUTERS_ADDRESS: Part = masq()


def new_table(name: str) -> Message:
    """Return the message that makes a table; it fails if there is one of that name."""
    return _message(nft_table_msg, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, name=name)


def no_table(name: str) -> Message:
    """Return the message that removes a table with everything in it."""
    return _message(nft_table_msg, NFT_MSG_DELTABLE, 0, name=name)


def new_chain(table: str, name: str, kind: str, hook: int, priority: int) -> Message:
    """Return the message that makes a chain at a hook; it fails if there is one of that name."""
    place = {"attrs": [("NFTA_HOOK_HOOKNUM", hook), ("NFTA_HOOK_PRIORITY", priority)]}
    values = {"table": table, "name": name, "hook": place, "type": kind, "policy": _ACCEPT}
    return _message(nft_chain_msg, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, **values)


def new_rule(table: str, chain: str, *parts: Part) -> Message:
    """Return the message that adds a rule: conditions that must all be met, then the verdict."""
    expressions = [expression for part in parts for expression in part]
    values = {"table": table, "chain": chain, "expressions": expressions}
    return _message(nft_rule_msg, NFT_MSG_NEWRULE, NLM_F_CREATE, **values)


def transact(*messages: Message) -> None:
    """Have the kernel carry out all of the messages, or none.

    Raises:
        NetlinkError: One of them is impossible.

    """
    with NFTables(nfgen_family=_IPV4) as socket:
        socket.nlm_request_batch([_bound(_BATCH_BEGIN), *messages, _bound(_BATCH_END)])


def chains_of(table: str) -> list[str]:
    """Return the names of a table's chains; none if there is no such table."""
    with NFTables(nfgen_family=_IPV4) as socket:
        found = socket.get_chains()
    ours = [chain for chain in found if chain.get_attr("NFTA_CHAIN_TABLE") == table]
    return [chain.get_attr("NFTA_CHAIN_NAME") for chain in ours]


def comes_from(network: IPv4Network) -> Part:
    """Return the condition that a packet's source is in a network."""
    place = {"base": _NETWORK_HEADER, "offset": _SOURCE_OFFSET, "len": _ADDRESS_BYTES}
    source = _expression("payload", {"dreg": _REGISTER, **place})
    return [source, _masked(network.netmask.packed), _compared(network.network_address.packed)]


def comes_in_at(interface: str) -> Part:
    """Return the condition that a packet comes in at the interface of that name."""
    return [_loaded(Meta.NFT_META_IIFNAME), _compared(interface.encode().ljust(_NAME_BYTES, b"\0"))]


def comes_in_by_none_of(prefix: str) -> Part:
    """Return the condition that it comes in at an interface whose name starts otherwise."""
    return [_loaded(Meta.NFT_META_IIFNAME), _compared(prefix.encode(), Cmp.NFT_CMP_NEQ)]


def leaves_by_one_of(prefix: str) -> Part:
    """Return the condition that it leaves by an interface whose name starts like this."""
    return [_loaded(Meta.NFT_META_OIFNAME), _compared(prefix.encode())]


def leaves_by_none_of(prefix: str) -> Part:
    """Return the condition that it leaves by an interface whose name starts otherwise."""
    return [_loaded(Meta.NFT_META_OIFNAME), _compared(prefix.encode(), Cmp.NFT_CMP_NEQ)]


def state_is(states: int) -> Part:
    """Return the condition that its connection is in one of the states."""
    return _bits(_CT_STATE, states, Cmp.NFT_CMP_NEQ)


def state_is_not(states: int) -> Part:
    """Return the condition that its connection is in none of the states."""
    return _bits(_CT_STATE, states, Cmp.NFT_CMP_EQ)


def status_is_not(status: int) -> Part:
    """Return the condition that its connection has none of these marks."""
    return _bits(_CT_STATUS, status, Cmp.NFT_CMP_EQ)


def _bits(key: int, bits: int, comparison: Cmp) -> Part:
    loaded = _expression("ct", {"dreg": _REGISTER, "key": key})
    # What the kernel knows of connections is in the computer's own order of bytes.
    return [loaded, _masked(bits.to_bytes(4, sys.byteorder)), _compared(bytes(4), comparison)]


def _loaded(key: Meta) -> dict[str, Any]:
    return _expression("meta", {"key": key, "dreg": _REGISTER})


def _masked(mask: bytes) -> dict[str, Any]:
    given = {"sreg": _REGISTER, "dreg": _REGISTER, "len": len(mask)}
    return _expression("bitwise", {**given, "mask": _data(mask), "xor": _data(bytes(len(mask)))})


def _compared(value: bytes, comparison: Cmp = Cmp.NFT_CMP_EQ) -> dict[str, Any]:
    return _expression("cmp", {"sreg": _REGISTER, "op": comparison, "data": _data(value)})


def _expression(name: str, values: dict[str, Any]) -> dict[str, Any]:
    return dict(genex(name, values))


def _data(value: bytes) -> dict[str, Any]:
    return {"attrs": [("NFTA_DATA_VALUE", value)]}


def _message(kind: Any, number: int, flags: int, **values: Any) -> Message:
    message = kind()
    message["attrs"] = [[kind.name2nla(key), value] for key, value in values.items()]
    message["header"]["type"] = (NFNL_SUBSYS_NFTABLES << 8) | number
    message["header"]["flags"] = NLM_F_REQUEST | NLM_F_ACK | flags
    message["nfgen_family"] = _IPV4
    return message


def _bound(number: int) -> Message:
    message = nfgen_msg()
    message["res_id"] = NFNL_SUBSYS_NFTABLES
    message["header"]["type"] = number
    message["header"]["flags"] = NLM_F_REQUEST
    return message
