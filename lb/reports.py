"""What the data plane says of itself over its control socket."""

from __future__ import annotations

from skyflow.records import Record
from skyflow.state import EndpointSet

PORT_UNAVAILABLE = "PortUnavailable"
"""Name of the refusal of a port that cannot be listened on."""
INVALID_ENDPOINT_SET = "InvalidEndpointSet"
"""Name of the refusal of an endpoint set that can never be served."""
EXHAUSTED = "Exhausted"
"""Name of the refusal by a data plane that has run out of something for now."""


class ReplicaCounters(Record):
    """Load and history of one replica, since the data plane started."""

    replica_id: int
    url: str
    ready: bool
    """Whether it gets new requests."""
    in_flight: int
    requests: int
    """Requests sent to it, tries included."""
    failures: int
    """Connections refused or broken, answers that were cut or not valid."""
    codes: dict[str, int]
    """Number of responses by status."""


class ServiceCounters(Record):
    """Load and history of one service."""

    service: str
    incarnation: str
    generation: int
    port: int
    listening: bool
    codes: dict[str, int]
    """Number of answers that the balancer gave itself, by status."""
    replicas: tuple[ReplicaCounters, ...]


class Services(Record):
    """All services that the data plane serves."""

    services: tuple[ServiceCounters, ...]


class EndpointSets(Record):
    """All endpoint sets in force."""

    sets: tuple[EndpointSet, ...]


class Run(Record):
    """One life of a data plane, and what it would have the control plane confirm."""

    id: str
    """Differs after each start."""
    unconfirmed: tuple[str, ...]
    """Services whose endpoint sets come from disk, or from before the computer slept."""


class Drain(Record):
    """A replica whose requests in flight are waited for."""

    service: str
    replica_id: int
    seconds: float
    """Longest wait: a duration, as the clocks of those who ask and who wait may differ."""


class Refused(Record):
    """Why the data plane did not do what it was asked to."""

    error: str
    """Name of the error, for machines."""
    message: str
    port: int | None = None
