"""Instances of EC2 as machines: found by their tags, and what their states mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.tags import MACHINE_TAG
from skyflow.clouds.base import MachineState
from skyflow.placement.offers import Place

Instance = Mapping[str, Any]
"""An instance as DescribeInstances has it."""

_MOST_VALUES = 200
"""Most values of a filter ("Filtering", EC2 API Reference)."""
_STATES: Mapping[str, MachineState] = {
    "pending": MachineState.STARTING,
    "running": MachineState.RUNNING,
    "stopping": MachineState.STOPPED,
    "stopped": MachineState.STOPPED,
}
_PREEMPTIONS = ("Server.SpotInstanceTermination", "Server.SpotInstanceShutdown")
"""Codes of reasons with which AWS takes spot instances back ("Instance state reason codes")."""


async def find(api: AwsApi, region: str, names: Sequence[str]) -> dict[str, list[Instance]]:
    """Return the instances with each name, the one to keep first; also those that have ended.

    What was made seconds ago may be missing: EC2 is eventually consistent.

    Raises:
        CloudError: The region could not be asked.

    """
    found: dict[str, list[Instance]] = {name: [] for name in names}
    for some in batches(names):
        for instance in await tagged(api, region, MACHINE_TAG, some):
            found[name_of(instance)].append(instance)
    return {name: sorted(instances, key=_precedence) for name, instances in found.items()}


def batches(values: Sequence[str]) -> Iterator[list[str]]:
    """Yield values in lists that fit into one filter."""
    for start in range(0, len(values), _MOST_VALUES):
        yield list(values[start : start + _MOST_VALUES])


async def tagged(api: AwsApi, region: str, tag: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """Return the instances of a region whose tag has one of the values; `*` stands for any text.

    Raises:
        CloudError: The region could not be asked.

    """
    return await matching(api, region, [{"Name": f"tag:{tag}", "Values": list(values)}])


async def matching(
    api: AwsApi, region: str, filters: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the instances of a region that pass filters.

    Raises:
        CloudError: The region could not be asked.

    """
    reservations = await api.collect(
        "describe_instances", region, "Reservations", Filters=list(filters)
    )
    return [instance for reservation in reservations for instance in reservation["Instances"]]


def name_of(instance: Instance) -> str:
    """Return the name of the machine that an instance is; empty if it is none of ours."""
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    return str(tags.get(MACHINE_TAG, ""))


def place_of(instance: Instance, region: str) -> Place:
    """Return where an instance is, and how it was bought."""
    return Place(
        cloud="aws",
        region=region,
        zone=instance.get("Placement", {}).get("AvailabilityZone", ""),
        instance_type=instance.get("InstanceType", ""),
        use_spot=instance.get("InstanceLifecycle") == "spot",
    )


def state_of(instance: Instance) -> MachineState:
    """Return what the state of an instance means."""
    if known := _STATES.get(instance["State"]["Name"]):
        return known
    return MachineState.PREEMPTED if reason_code(instance) in _PREEMPTIONS else MachineState.GONE


def is_live(instance: Instance) -> bool:
    """Return whether an instance has neither ended nor is about to."""
    return instance["State"]["Name"] in _STATES


def reason_code(instance: Instance) -> str:
    """Return the code of why an instance's state last changed; empty if there is none."""
    code = str(instance.get("StateReason", {}).get("Code", ""))
    return code or str(instance.get("StateTransitionReason", "")).partition(":")[0]


def _precedence(instance: Instance) -> tuple[bool, str, str]:
    """Order instances of one name, the same for whoever looks: live ones, then the oldest."""
    return (not is_live(instance), str(instance.get("LaunchTime", "")), instance["InstanceId"])
