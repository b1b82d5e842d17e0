"""Names of queues, workflows, messages and what is shown of them."""

from __future__ import annotations

WORKFLOW_QUEUE = "skyflow-workflows"
OPERATIONS_QUEUE = "skyflow-ops"
"""Launch, setup, teardown: work that ends."""
WATCH_QUEUE = "skyflow-watch"
"""Activities that stay open for hours: kept apart so that they never hold up a teardown."""

MEMO_STATUS = "skyflow"
"""Memo key of a service workflow that holds its `ServiceStatus`."""

SEARCH_ATTRIBUTES = (
    "SkyflowService",
    "SkyflowPhase",
    "SkyflowVersion",
    "SkyflowCloud",
    "SkyflowRegion",
)
"""Custom search attributes, each of type Keyword."""


def balancer_queue(balancer: str) -> str:
    """Return the task queue of one balancer."""
    return f"skyflow-lb-{balancer}"


class WorkflowName:
    """Names of workflow types."""

    INSTALLATION = "InstallationWorkflow"
    SERVICE = "ServiceWorkflow"
    REPLICA = "ReplicaWorkflow"
    REAPER = "ReaperWorkflow"


class Message:
    """Names of signals (S), updates (U) and queries (Q)."""

    APPLY = "apply"
    """U, service: run this version."""
    SCALE = "scale"
    """U, service: run this many replicas, with a validated answer."""
    SCALE_SIGNAL = "request_scale"
    """S, service: the same from the Temporal web UI; a wrong number is noted and ignored."""
    TERMINATE_REPLICA = "terminate_replica"
    """U, service: end one replica, which is drained and replaced."""
    TERMINATE_REPLICA_SIGNAL = "request_replica_termination"
    """S, service: the same; a replica that there is not is ignored."""
    REPLICA_LOST = "replica_lost"
    """S, service: a replica's workflow no longer runs, and has not ended by itself."""
    STOP = "stop"
    """S, service and replica: end, leaving nothing."""
    REPLICA_CHANGED = "replica_changed"
    """S, service: a replica's report."""
    BALANCERS_CHANGED = "balancers_changed"
    """S, service: the balancers there are now."""
    CHECKPOINT = "checkpoint"
    """S, any: continue as new at the next quiet moment."""
    ASSIGN = "assign"
    """S, replica: the offer to try next."""
    STATUS = "status"
    """Q, service and replica."""
    ENDPOINTS = "endpoints"
    """Q, service: the current endpoint set."""
    DECISIONS = "decisions"
    """Q, service: the last decisions."""
    RESERVE = "reserve"
    """U, installation: the endpoint port of a service."""
    RELEASE = "release"
    """U, installation: give the port back."""
    REGISTER_BALANCER = "register_balancer"
    """U, installation: a balancer that serves from now on."""
    SLOTS = "slots"
    """Q, installation: services and their ports."""
