"""Names of workflows and machines, each a pure function of what it names."""

from __future__ import annotations

INSTALLATION_WORKFLOW_ID = "installation"


def service_workflow_id(service: str) -> str:
    """Return the id of the workflow that runs a service."""
    return f"service/{service}"


def replica_workflow_id(service: str, incarnation: str, replica_id: int) -> str:
    """Return the id of the workflow that runs one replica."""
    return f"replica/{service}/{incarnation}/{replica_id}"


def machine_name(
    installation: str, incarnation: str, replica_id: int, node: int, attempt: int
) -> str:
    """Return the name of a machine: at most 63 characters of a-z, 0-9 and `-`, as clouds allow.

    The name is known before the machine is asked for, so that asking twice makes one machine and
    one whose create call was never answered can be found and ended.
    """
    return f"skyflow-{installation}-{incarnation}-{replica_id}-{node}-{attempt}"


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
