"""Names of workflows and machines, each a pure function of what it names."""

from __future__ import annotations

import re
from dataclasses import dataclass

INSTALLATION_WORKFLOW_ID = "installation"
REAPER_ID = "reaper"
"""Id of the reaper's schedule, and the beginning of the ids of the workflows that it starts."""

_REPLICA_WORKFLOW = re.compile(r"replica/(.+)/([^/]+)/(\d+)")
_MACHINE_NAME = re.compile(r"skyflow-([0-9a-f]+)-([0-9a-f]+)-(\d+)-(\d+)-(\d+)")


def service_workflow_id(service: str) -> str:
    """Return the id of the workflow that runs a service."""
    return f"service/{service}"


def replica_workflow_id(service: str, incarnation: str, replica_id: int) -> str:
    """Return the id of the workflow that runs one replica."""
    return f"replica/{service}/{incarnation}/{replica_id}"


def parse_replica_workflow_id(workflow_id: str) -> tuple[str, str, int] | None:
    """Return service, incarnation and replica of a `replica_workflow_id`; None of another id."""
    found = _REPLICA_WORKFLOW.fullmatch(workflow_id)
    return (found[1], found[2], int(found[3])) if found else None


def machine_name(
    installation: str, incarnation: str, replica_id: int, node: int, attempt: int
) -> str:
    """Return the name of a machine: at most 63 characters of a-z, 0-9 and `-`, as clouds allow.

    The name is known before the machine is asked for, so that asking twice makes one machine and
    one whose create call was never answered can be found and ended.
    """
    return f"skyflow-{installation}-{incarnation}-{replica_id}-{node}-{attempt}"


@dataclass(frozen=True)
class MachineId:
    """What a machine's name says."""

    installation: str
    incarnation: str
    replica_id: int
    node: int
    attempt: int


def parse_machine_name(name: str) -> MachineId | None:
    """Return what a name says that `machine_name` made; None for any other."""
    found = _MACHINE_NAME.fullmatch(name)
    if found is None:
        return None
    installation, incarnation, *numbers = found.groups()
    return MachineId(installation, incarnation, *map(int, numbers))


def machine_prefix(installation: str) -> str:
    """Return what the name of every machine of an installation starts with."""
    return f"skyflow-{installation}-"


def log_directory(service: str, incarnation: str) -> str:
    """Return the key under which a service keeps its logs in the store.

    The incarnation keeps names apart that differ only in case, also on file systems that do not.
    """
    return f"logs/{service}.{incarnation}"


def service_directory(incarnation: str) -> str:
    """Return the key under which a service keeps its specs and snapshots in the store."""
    return f"services/{incarnation}"
