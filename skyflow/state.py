"""Records that cross a boundary: what workflows keep, and what they tell others."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from skyflow.autoscaling.decision import Explanation
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds
from skyflow.clouds.base import Machine
from skyflow.placement.offers import Offer, Place, Refusal, ResourceRequest
from skyflow.records import Record


class ReplicaPhase(StrEnum):
    """Where a replica is in its life; SkyServe's names where it has one."""

    PENDING = "PENDING"
    """Waits for an offer."""
    PROVISIONING = "PROVISIONING"
    """Its machines are being started."""
    STARTING = "STARTING"
    """Its machines run; setup, run and the first successful readiness probe are under way."""
    READY = "READY"
    NOT_READY = "NOT_READY"
    """Was ready; its readiness probe fails now."""
    DRAINING = "DRAINING"
    """Gets no new requests and finishes those it has."""
    SHUTTING_DOWN = "SHUTTING_DOWN"
    """Its processes and machines are being ended."""
    TERMINATED = "TERMINATED"
    """Gone, as asked."""
    PREEMPTED = "PREEMPTED"
    """Gone: its machine vanished."""
    FAILED = "FAILED"
    """Gone: `run` ended."""
    FAILED_SETUP = "FAILED_SETUP"
    """Gone: `setup` failed, or files could not be put in place."""
    FAILED_INITIAL_DELAY = "FAILED_INITIAL_DELAY"
    """Gone: not ready within `initial_delay_seconds`."""
    FAILED_PROBING = "FAILED_PROBING"
    """Gone: its readiness probe failed for too long."""
    FAILED_PROVISION = "FAILED_PROVISION"
    """Gone: no cloud would start its machines."""

    @property
    def ended(self) -> bool:
        """Whether nothing of the replica exists any more."""
        return self in _ENDED

    @property
    def failed(self) -> bool:
        """Whether the replica ended for a reason other than being asked to."""
        return self.ended and self is not ReplicaPhase.TERMINATED


_ENDED = frozenset(
    {
        ReplicaPhase.TERMINATED,
        ReplicaPhase.PREEMPTED,
        ReplicaPhase.FAILED,
        ReplicaPhase.FAILED_SETUP,
        ReplicaPhase.FAILED_INITIAL_DELAY,
        ReplicaPhase.FAILED_PROBING,
        ReplicaPhase.FAILED_PROVISION,
    }
)


class ServicePhase(StrEnum):
    """State of a service; SkyServe's names."""

    CONTROLLER_INIT = "CONTROLLER_INIT"
    """Has no endpoint port yet."""
    REPLICA_INIT = "REPLICA_INIT"
    """No replica has been ready yet."""
    READY = "READY"
    """At least one replica is ready, and a balancer sends requests to it."""
    NO_REPLICA = "NO_REPLICA"
    """Was ready; no replica is now."""
    FAILED = "FAILED"
    """Its version never became ready and is no longer tried."""
    SHUTTING_DOWN = "SHUTTING_DOWN"
    DOWN = "DOWN"
    """Nothing of it is left but its logs."""


class SpecReference(Record):
    """A full spec with its secrets, encrypted in the store."""

    digest: str
    """Keyed digest of everything that the spec and its files say: equal if nothing changed."""
    key: str
    """Key in the store."""


class QueueLimits(Record):
    """How many requests wait in a balancer while no replica can take them, and how long."""

    max_requests: int
    max_wait_seconds: float


class ServiceSettings(Record):
    """What workflows decide by: the parts of a spec that hold no secret."""

    replicas: int
    num_nodes: int = 1
    resources: tuple[ResourceRequest, ...]
    """What would do."""
    ordered: bool = False
    """Whether an earlier one is preferred to a cheaper offer for a later one."""
    port: int
    """Port of the service on a replica."""
    initial_delay_seconds: float = 1200
    drain_seconds: float = 120
    load_balancing_policy: str = "least_load"
    qps_by_accelerator: dict[str, float] = Field(default={})
    """Requests per second that a replica can take, by `ACCELERATOR[:COUNT]`; empty if unknown."""
    slow_start_seconds: float = 0
    """How long a replica that joins others gets less than its share; 0 for not at all."""
    prefix_bytes: int = 16384
    """How much of a content `prefix_affinity` looks at, in bytes."""
    session_header: str | None = None
    """Name of the header that `prefix_affinity` tells sessions by."""
    retry: str = "safe"
    stream_timeout_seconds: float = 120
    """Longest time without a byte from a replica."""
    timeout_seconds: float | None = None
    """Longest time until a replica begins to answer a request that it has got."""
    max_concurrency: int | None = None
    """Most requests at once on a replica."""
    queue: QueueLimits | None = None
    """Where requests wait; None if they are refused at once."""
    access_log: str = "text"
    """`text`, `json` or `off`."""
    autoscaling: AutoscalingSettings | None = None
    """What the number of replicas follows; None if it is fixed."""


class ServiceVersion(Record):
    """One version of a service."""

    number: int
    spec: SpecReference
    settings: ServiceSettings
    redacted_yaml: str
    """The spec as YAML, without values of envs and secrets, for people."""
    created_at: float
    """Time (Unix, seconds)."""


class Decision(Record):
    """One decision and its reason."""

    at: float
    """Time (Unix, seconds)."""
    kind: str
    """`start`, `place`, `publish`, `stop`, `fail` ..."""
    reason: str
    """What was decided, by which rule, from which inputs."""
    replica_id: int | None = None
    explanation: Explanation | None = None
    """Of a number of replicas that follows the load: the same for machines."""


class ReplicaReport(Record):
    """What a replica tells its service when something changed."""

    incarnation: str
    """Of the service that started the replica; another one ignores the report."""
    replica_id: int
    epoch: int
    """Grows with each report of the replica; an older one is ignored."""
    phase: ReplicaPhase
    reason: str = ""
    endpoint: str | None = None
    """URL of the server on the replica's head node."""
    nodes: tuple[Machine, ...] = ()
    refusal: Refusal | None = None
    """Set when a cloud refused: the replica waits for another offer."""
    notice: str = ""
    """What its cloud says of its interruption to come; empty if there is none."""
    outcome: ReplicaPhase | None = None
    """The phase that the replica will end in, once it is known that it ends."""


class ReplicaRecord(Record):
    """What a service knows of one replica."""

    replica_id: int
    version: int
    phase: ReplicaPhase = ReplicaPhase.PENDING
    epoch: int = 0
    offer: Offer | None = None
    attempt: int = 0
    """How many offers have been tried, this one included."""
    endpoint: str | None = None
    nodes: tuple[Machine, ...] = ()
    reason: str = ""
    created_at: float = 0
    phase_since: float = 0
    """Time (Unix, seconds) of the last change of phase."""
    ready_at: float | None = None
    """Time (Unix, seconds) of the first successful readiness probe."""
    leaving: bool = False
    """Being taken out: gets no new requests and will be stopped."""
    stop_as: ReplicaPhase = ReplicaPhase.TERMINATED
    """The phase it is told to end in when it leaves."""
    stop_sent: bool = False
    """Whether the replica has been told to stop."""
    outcome: ReplicaPhase | None = None
    """The phase that the replica will end in, once it is known that it ends."""
    errors: int = 0
    """How often a cloud failed for a reason other than capacity or quota."""
    notice: str = ""
    """What its cloud says of its interruption to come; empty if there is none."""

    @property
    def live(self) -> bool:
        """Whether the replica counts towards the target: neither leaving nor ending."""
        return not self.leaving and self.outcome is None and not self.phase.ended

    @property
    def place(self) -> Place | None:
        """Where the replica's machines are."""
        return self.offer.place if self.offer else None


class Endpoint(Record):
    """One replica that requests may be sent to."""

    replica_id: int
    url: str
    weight: float = 1
    """What it should get of the requests, relative to the others; 0 for nothing while there are
    others."""
    capacity: float = 1
    """What it can take, relative to the others."""


class EndpointSet(Record):
    """Everything a balancer must know of one service; always the full set."""

    service: str
    incarnation: str
    started_at: float
    """Time (Unix, seconds) at which the incarnation began: orders incarnations."""
    generation: int
    """Grows with each change within an incarnation."""
    port: int
    load_balancing_policy: str = "least_load"
    slow_start_seconds: float = 0
    prefix_bytes: int = 16384
    session_header: str | None = None
    retry: str = "safe"
    stream_timeout_seconds: float = 120
    timeout_seconds: float | None = None
    max_concurrency: int | None = None
    queue: QueueLimits | None = None
    endpoints: tuple[Endpoint, ...] = ()
    draining: tuple[Endpoint, ...] = ()
    """Replicas that finish what they have and get nothing new."""
    removed: bool = False
    """The service is gone: free its port and forget it."""
    access_log: str = "text"
    """`text`, `json` or `off`."""
    cold_start_seconds: float | None = None
    """Learned time from the start of a replica until it is ready; None if it is not known."""

    @property
    def order(self) -> tuple[float, int]:
        """What two sets of one service are compared by: the greater one is newer."""
        return (self.started_at, self.generation)


class ServiceStatus(Record):
    """What a service says of itself; also mirrored to its memo."""

    api_version: int
    service: str
    incarnation: str
    phase: ServicePhase
    reason: str = ""
    version: int
    spec_digest: str
    target: int
    """Number of replicas wanted."""
    port: int | None = None
    """Port of the endpoint at the balancers."""
    started_at: float
    load_balancing_policy: str = "least_load"
    resources: tuple[ResourceRequest, ...] = ()
    """What would do for a machine."""
    autoscaling: AutoscalingSettings | None = None
    """What the number of replicas follows; None if it is fixed."""
    bounds: Bounds | None = None
    """Between which numbers it may be now; None if it is fixed."""
    held: bool = False
    """Whether the number of replicas was set by hand and stays so until it is told to follow."""
    replicas: tuple[ReplicaRecord, ...] = ()
    """Replicas that exist, then the last ones that ended."""
    updated_at: float
    """Time (Unix, seconds) at which this was true."""
