"""What messages to workflows carry, and what they answer."""

from __future__ import annotations

from skyflow.placement.offers import Offer
from skyflow.records import Record
from skyflow.state import ReplicaPhase, ServiceVersion


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
    """Run this many replicas, until told otherwise; or as many as the service itself says."""

    replicas: int | None = None
    auto: bool = False
    """Whether the number follows what the spec says again."""
    reason: str = ""


class ReplicaTermination(Record):
    """End one replica of a service."""

    replica_id: int
    reason: str = ""
    incarnation: str = ""
    """Of the service that is meant; whichever runs if not given."""


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
    admin: str = ""
    """URL of its admin port, such as `http://127.0.0.1:30999`; empty if nobody can ask it."""


class SlotRequest(Record):
    """The endpoint port for a service."""

    service: str
    incarnation: str
    refused_ports: tuple[int, ...] = ()
    """Ports that a balancer could not listen on."""
    port: int | None = None
    """The port that the service has already, to be noted if nobody else has it."""


class Slot(Record):
    """The endpoint port of a service, and the balancers that serve it."""

    port: int
    balancers: tuple[str, ...]


class SlotRelease(Record):
    """A service that no longer needs its port."""

    service: str
    incarnation: str
