"""The environment that setup and run see on a replica."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping

from skyflow.clouds.base import Machine
from skyflow.errors import UsageError
from skyflow.records import Record

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEFAULTS = {"PYTHONUNBUFFERED": "1"}
"""What a spec may say otherwise. Lines in the buffer of a program are lost with its machine, and
Python keeps 8 KiB of them; SkyPilot sets this too."""


class ReplicaContext(Record):
    """What a replica is told of itself."""

    service: str
    incarnation: str
    version: int
    replica_id: int
    nodes: tuple[Machine, ...]
    """All nodes of the replica; the first is the head."""
    node: int = 0
    """Which of them this is, from 0."""
    gpus_per_node: int = 0


def replica_environment(context: ReplicaContext, own: Mapping[str, str]) -> dict[str, str]:
    """Return all variables: those of the spec, skyflow's, and SkyPilot's names for them.

    The spec cannot replace skyflow's: what it runs on is not its choice.
    """
    return {**_DEFAULTS, **own, **_skyflow(context), **_skypilot(context)}


def render(variables: Mapping[str, str]) -> str:
    """Return variables as a file that bash sources.

    Raises:
        UsageError: A name or a value cannot be a variable in bash.

    """
    return "".join(
        f"export {_checked(name, value)}={shlex.quote(value)}\n"
        for name, value in sorted(variables.items())
    )


def _skyflow(context: ReplicaContext) -> dict[str, str]:
    return {
        "SKYFLOW_REPLICA_PORT": str(_machine(context).replica_port),
        "SKYFLOW_REPLICA_ID": str(context.replica_id),
        "SKYFLOW_SERVICE_NAME": context.service,
        "SKYFLOW_SERVICE_VERSION": str(context.version),
        "SKYFLOW_NODE_RANK": str(context.node),
        "SKYFLOW_NODE_IPS": _addresses(context),
        "SKYFLOW_NUM_NODES": str(len(context.nodes)),
        "SKYFLOW_NUM_GPUS_PER_NODE": str(context.gpus_per_node),
    }


def _skypilot(context: ReplicaContext) -> dict[str, str]:
    """Return the variables that SkyServe sets, for setup and run alike."""
    rank, gpus = str(context.node), str(context.gpus_per_node)
    return {
        "SKYPILOT_SERVE_REPLICA_ID": str(context.replica_id),
        "SKYPILOT_NUM_NODES": str(len(context.nodes)),
        "SKYPILOT_NODE_RANK": rank,
        "SKYPILOT_NODE_IPS": _addresses(context),
        "SKYPILOT_NUM_GPUS_PER_NODE": gpus,
        "SKYPILOT_SETUP_NODE_RANK": rank,
        "SKYPILOT_SETUP_NODE_IPS": _addresses(context),
        "SKYPILOT_SETUP_NUM_GPUS_PER_NODE": gpus,
        "SKYPILOT_TASK_ID": _task_id(context),
        "SKYPILOT_INTERNAL_JOB_ID": "1",
        "SKYPILOT_USER": _machine(context).ssh_user,
        "SKYPILOT_CLUSTER_INFO": _cluster_info(context),
    }


def _machine(context: ReplicaContext) -> Machine:
    return context.nodes[context.node]


def _addresses(context: ReplicaContext) -> str:
    """Return the nodes' addresses, one a line, the head's first."""
    return "\n".join(machine.internal_address for machine in context.nodes)


def _task_id(context: ReplicaContext) -> str:
    return f"skyflow-{context.service}-{context.incarnation}_{context.replica_id}"


def _cluster_info(context: ReplicaContext) -> str:
    place = _machine(context).place
    return json.dumps(
        {
            "cluster_name": f"{context.service}-{context.replica_id}",
            "cloud": place.cloud,
            "region": place.region,
            "zone": place.zone,
        }
    )


def _checked(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be an environment variable",
            "use letters, digits and _, and no digit first",
        )
    if "\0" in value:
        raise UsageError(f"the value of {name} has a NUL byte in it", "remove it, or encode it")
    return name
