"""Arguments and results of activities, and the argument of a replica's workflow."""

from __future__ import annotations

from pydantic import Field

from skyflow.autoscaling.observation import Fleet
from skyflow.autoscaling.progress import LoadProgress
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds
from skyflow.clouds.base import Machine
from skyflow.contracts.messages import StopRequest
from skyflow.placement.offers import Offer, Place, Refusal, ResourceRequest
from skyflow.records import Record, State
from skyflow.state import ReplicaPhase, ServiceVersion, SpecReference


class OfferQuery(Record):
    """What a replica's machines must have."""

    resources: tuple[ResourceRequest, ...]
    ordered: bool = False
    """Whether an earlier request is preferred to a cheaper offer for a later one."""
    avoided: tuple[Refusal, ...] = ()
    """Refusals in force: what they speak for is left out."""
    in_use: tuple[Place, ...] = ()
    """Where the replicas of the service are, for the order of offers of near-equal price."""


class Offers(Record):
    """The best of the offers found, in the order in which they should be tried."""

    offers: tuple[Offer, ...]
    problems: tuple[str, ...] = ()
    """Clouds that could not answer, and why."""
    more: int = 0
    """Further offers that may be tried, too many to be told."""
    avoided: int = 0
    """Offers that were left out because of refusals."""


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
    notice: str = ""
    """The interruption notice that is known; another one is not looked for then."""


class WatchResult(Record):
    """What changed."""

    phase: ReplicaPhase | None
    """The phase to go to: READY, NOT_READY, or one that ended; None to watch again."""
    reason: str = ""
    failing_since: float | None = None
    notice: str = ""
    """What the cloud says of an interruption to come; empty if there is nothing new."""


class LoadWatchRequest(Record):
    """A service whose load is watched until another number of replicas should serve it."""

    service: str
    incarnation: str
    settings: AutoscalingSettings
    fleet: Fleet
    bounds: Bounds
    """Those in force, as the service knows them."""
    progress: LoadProgress = LoadProgress()
    """What the watch before this one left; begins empty."""
    renew_at: float
    """Time (Unix, seconds) at which to return although nothing changed."""


class LoadWatchResult(Record):
    """How many replicas there should be, and what the next watch goes on with."""

    target: int
    """Replicas wanted, over-provision included."""
    bounds: Bounds
    """Between which they are, now."""
    in_flight: dict[int, int] = Field(default={})
    """Requests at each replica, by its id."""
    progress: LoadProgress


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


class SurveyRequest(Record):
    """Look at everything there is of the installation."""


class ReaperRequest(Record):
    """Clear away what nobody looks after any more."""

    grace_seconds: float = 30
    """How long something must be without an owner: what is listed may be a moment old."""


class EndedService(Record):
    """A service that no longer runs, as balancers know it."""

    service: str
    incarnation: str
    started_at: float
    """Time (Unix, seconds) at which the incarnation began, or a later one before the next began."""
    port: int = 0


class InstallationState(State):
    """Everything an installation's workflow knows, and what it carries over."""

    slots: dict[str, tuple[str, int]] = Field(default={})
    """Incarnation and port of each service, by name."""
    balancers: list[str] = Field(default=[])
    admins: dict[str, str] = Field(default={})
    """URL of the admin port of each balancer that has told it, by balancer."""


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
    notice: str = ""
    """What its cloud says of its interruption to come; empty if there is none."""
    stop: StopRequest | None = None
    reason: str = ""
