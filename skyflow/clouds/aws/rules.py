"""Which rules a security group has of ours, lacks, and has too many of: nothing is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

SSH_PORT = 22
_OURS = "skyflow"
"""Description of every rule that skyflow makes; others are left alone."""


class Rule(NamedTuple):
    """TCP connections that are let in."""

    port: int
    network: str
    """Where they may come from, such as `203.0.113.7/32`."""


def rules_of(group: Mapping[str, Any]) -> frozenset[Rule]:
    """Return our rules of a security group, as DescribeSecurityGroups has it."""
    return frozenset(
        Rule(permission["FromPort"], network["CidrIp"])
        for permission in group.get("IpPermissions", [])
        if permission.get("IpProtocol") == "tcp"
        for network in permission.get("IpRanges", [])
        if network.get("Description") == _OURS
    )


def wanted(
    existing: Iterable[Rule], ports: Iterable[int], ssh: Sequence[str], service: Sequence[str]
) -> frozenset[Rule]:
    """Return the rules that a group should have.

    Args:
        existing: Rules that it has: ports of other services stay open, to whoever balances now.
        ports: Ports of services that are to be open too.
        ssh: Networks that workers come from.
        service: Networks that balancers come from.

    """
    open_ports = {rule.port for rule in existing if rule.port != SSH_PORT} | set(ports)
    for_workers = {Rule(SSH_PORT, network) for network in ssh}
    return frozenset(for_workers | {Rule(port, net) for port in open_ports for net in service})


def permissions(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Return rules as EC2 takes them."""
    return [
        {
            "IpProtocol": "tcp",
            "FromPort": rule.port,
            "ToPort": rule.port,
            "IpRanges": [{"CidrIp": rule.network, "Description": _OURS}],
        }
        for rule in sorted(rules)
    ]


def among_members(group_id: str) -> dict[str, Any]:
    """Return the permission of a group's machines to reach each other, as nodes of a replica do."""
    pair = {"GroupId": group_id, "Description": _OURS}
    return {"IpProtocol": "-1", "UserIdGroupPairs": [pair]}


def connects_members(group: Mapping[str, Any]) -> bool:
    """Return whether a group's machines may reach each other."""
    return any(
        pair.get("GroupId") == group["GroupId"]
        for permission in group.get("IpPermissions", [])
        if permission.get("IpProtocol") == "-1"
        for pair in permission.get("UserIdGroupPairs", [])
    )
