"""Names and signatures of workflows, activities, messages and queues.

The only thing that both sides of a Temporal call import. Nothing here imports Temporal, so that a
process which must not depend on it can still read the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from skyflow.clouds.base import Machine, MachineRequest
from skyflow.placement.offers import Offer, Place, ResourceRequest
from skyflow.records import Record, State
from skyflow.state import EndpointSet, ReplicaPhase, ServiceVersion, SpecReference

Argument = TypeVar("Argument", bound=Record)
Result = TypeVar("Result")

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


class Message:
    """Names of signals (S), updates (U) and queries (Q)."""

    APPLY = "apply"
    """U, service: run this version."""
    SCALE = "scale"
    """U, service: run this many replicas, with a validated answer."""
    SCALE_SIGNAL = "request_scale"
    """S, service: the same from the Temporal web UI; a wrong number is noted and ignored."""
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


# Messages


class ApplyRequest(Record):
    """Run this version of a service."""

    installation: str
    version: ServiceVersion
    incarnation: str
    """Used if this starts the service; a running one keeps its own."""


class ApplyOutcome(Record):
    """What became of an `apply`."""

    incarnation: str
    version: int
    changed: bool
    """False if the service ran this very spec already."""


class ScaleRequest(Record):
    """Run this many replicas."""

    replicas: int
    reason: str = ""


class StopRequest(Record):
    """End, leaving nothing."""

    reason: str
    drain_seconds: float | None = None
    """Longest wait for requests in flight; the service's own if not given."""
    balancers: tuple[str, ...] = ()
    """To a replica: the balancers whose requests in flight are waited for."""
    outcome: ReplicaPhase = ReplicaPhase.TERMINATED
    """To a replica: the phase to end in."""


class Assignment(Record):
    """The offer that a replica tries next."""

    offer: Offer
    attempt: int


class Balancers(Record):
    """The balancers there are, by id, sorted."""

    ids: tuple[str, ...]


class BalancerRegistration(Record):
    """A balancer that serves from now on."""

    balancer: str


class SlotRequest(Record):
    """The endpoint port for a service."""

    service: str
    incarnation: str
    refused_ports: tuple[int, ...] = ()
    """Ports that a balancer could not listen on."""


class Slot(Record):
    """The endpoint port of a service, and the balancers that serve it."""

    port: int
    balancers: tuple[str, ...]


class SlotRelease(Record):
    """A service that no longer needs its port."""

    service: str
    incarnation: str


# Arguments and results of activities


class OfferQuery(Record):
    """What a replica's machines must have."""

    resources: tuple[ResourceRequest, ...]
    ordered: bool = False
    """Whether an earlier request is preferred to a cheaper offer for a later one."""


class Offers(Record):
    """Offers found, cheapest first."""

    offers: tuple[Offer, ...]
    problems: tuple[str, ...] = ()
    """Clouds that could not answer, and why."""


class ReplicaTask(Record):
    """A replica whose machines exist, and what runs on it."""

    service: str
    incarnation: str
    replica_id: int
    version: int
    spec: SpecReference
    nodes: tuple[Machine, ...]
    attempt: int = 1
    gpus_per_node: int = 0


class WatchRequest(Record):
    """A replica to watch until something changes."""

    replica: ReplicaTask
    ready: bool
    """Whether the readiness probe last succeeded."""
    deadline: float | None = None
    """Time (Unix, seconds) by which it must have been ready once; None when it has been."""
    failing_since: float | None = None
    """Time (Unix, seconds) of the first of the probes that failed in a row."""
    renew_at: float
    """Time (Unix, seconds) at which to return although nothing changed."""


class WatchResult(Record):
    """What changed."""

    phase: ReplicaPhase | None
    """The phase to go to: READY, NOT_READY, or one that ended; None to watch again."""
    reason: str = ""
    failing_since: float | None = None


class TeardownRequest(Record):
    """Machines to end, whether or not they were ever started."""

    service: str
    incarnation: str
    replica_id: int
    names: tuple[str, ...]
    place: Place
    nodes: tuple[Machine, ...] = ()
    """Those whose address is known: their processes are asked to end first."""
    spec: SpecReference | None = None
    """Names the secrets that are masked in the rest of the logs."""
    grace_seconds: float = 5
    """Time between SIGTERM and SIGKILL."""


class DrainRequest(Record):
    """A replica whose requests in flight are waited for."""

    service: str
    replica_id: int
    deadline: float
    """Time (Unix, seconds) after which the wait ends."""


class DrainResult(Record):
    """How a drain ended."""

    remaining: int
    """Requests still in flight at the deadline."""


class EndpointsApplied(Record):
    """The endpoint set that a balancer serves after an `apply_endpoints`."""

    generation: int


class ServiceReference(Record):
    """One incarnation of a service."""

    service: str
    incarnation: str


class ReplicaState(State):
    """Argument of a replica's workflow, and what it carries over when it continues as new."""

    service: str
    incarnation: str
    installation: str
    replica_id: int
    version: ServiceVersion
    offer: Offer
    attempt: int = 1
    epoch: int = 0
    phase: ReplicaPhase = ReplicaPhase.PENDING
    refused: bool = False
    """Waits for another offer."""
    nodes: tuple[Machine, ...] = ()
    running: bool = False
    """Whether `run` has been started on every node."""
    starting_since: float | None = None
    """Time (Unix, seconds) at which the machines ran."""
    ready_once: bool = False
    failing_since: float | None = None
    stop: StopRequest | None = None
    reason: str = ""


@dataclass(frozen=True)
class Activity(Generic[Argument, Result]):
    """One activity: its name, types, queue, limits and how it is retried.

    Kept in one table because an activity with a heartbeat but no heartbeat timeout, or the other
    way round, fails only in production.
    """

    name: str
    argument: type[Argument]
    result: type[Result]
    queue: str | None
    """Task queue; None when the caller names it (balancers)."""
    start_to_close: timedelta
    schedule_to_start: timedelta | None = None
    heartbeat: timedelta | None = None
    attempts: int = 0
    """Number of attempts; 0 for no limit."""
    first_interval: timedelta = timedelta(seconds=1)
    longest_interval: timedelta = timedelta(seconds=10)
    fatal: tuple[str, ...] = ()
    """Names of the errors that another attempt cannot mend."""
    wait_for_cancellation: bool = True
    """Whether a cancel waits until the activity has really ended."""


_HEARTBEAT = timedelta(seconds=15)
"""A cancellation arrives with the answer to a heartbeat, and people wait for operations."""
_WATCH_HEARTBEAT = timedelta(seconds=30)
"""Thousands of watches are open at once: each heartbeat costs the server a write."""
_UNMENDABLE = ("CommandFailed", "HostKeyMismatch", "StorageError", "UsageError")
_REFUSALS = ("NoCapacity", "QuotaExceeded", "CredentialsError", "InvalidRequest")

RESERVE_ENDPOINT = Activity(
    "reserve_endpoint", SlotRequest, Slot, OPERATIONS_QUEUE, timedelta(seconds=30)
)
RELEASE_ENDPOINT = Activity(
    "release_endpoint", SlotRelease, bool, OPERATIONS_QUEUE, timedelta(seconds=30)
)
FIND_OFFERS = Activity(
    "find_offers", OfferQuery, Offers, OPERATIONS_QUEUE, timedelta(minutes=2), attempts=3
)
LAUNCH_MACHINE = Activity(
    "launch_machine",
    MachineRequest,
    Machine,
    OPERATIONS_QUEUE,
    timedelta(minutes=20),
    heartbeat=_HEARTBEAT,
    attempts=3,
    fatal=_REFUSALS,
)
PREPARE_REPLICA = Activity(
    "prepare_replica",
    ReplicaTask,
    bool,
    OPERATIONS_QUEUE,
    timedelta(hours=24),
    heartbeat=_HEARTBEAT,
    attempts=3,
    fatal=_UNMENDABLE,
)
START_REPLICA = Activity(
    "start_replica",
    ReplicaTask,
    bool,
    OPERATIONS_QUEUE,
    timedelta(minutes=5),
    heartbeat=_HEARTBEAT,
    attempts=3,
    fatal=_UNMENDABLE,
)
WATCH_REPLICA = Activity(
    "watch_replica",
    WatchRequest,
    WatchResult,
    WATCH_QUEUE,
    timedelta(hours=8),
    heartbeat=_WATCH_HEARTBEAT,
    wait_for_cancellation=False,
)
TEARDOWN_REPLICA = Activity(
    "teardown_replica",
    TeardownRequest,
    bool,
    OPERATIONS_QUEUE,
    timedelta(minutes=10),
    heartbeat=_HEARTBEAT,
    longest_interval=timedelta(minutes=5),
)
APPLY_ENDPOINTS = Activity(
    "apply_endpoints",
    EndpointSet,
    EndpointsApplied,
    None,
    timedelta(seconds=5),
    schedule_to_start=timedelta(seconds=10),
    attempts=3,
    fatal=("PortUnavailable",),
)
DRAIN_REPLICA = Activity(
    "drain_replica",
    DrainRequest,
    DrainResult,
    None,
    timedelta(hours=24),
    schedule_to_start=timedelta(seconds=10),
    heartbeat=_HEARTBEAT,
    attempts=3,
)
REMOVE_SERVICE_FILES = Activity(
    "remove_service_files",
    ServiceReference,
    bool,
    OPERATIONS_QUEUE,
    timedelta(minutes=5),
    longest_interval=timedelta(minutes=5),
)

ACTIVITIES = (
    RESERVE_ENDPOINT,
    RELEASE_ENDPOINT,
    FIND_OFFERS,
    LAUNCH_MACHINE,
    PREPARE_REPLICA,
    START_REPLICA,
    WATCH_REPLICA,
    TEARDOWN_REPLICA,
    APPLY_ENDPOINTS,
    DRAIN_REPLICA,
    REMOVE_SERVICE_FILES,
)
