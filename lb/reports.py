"""What the data plane says of itself over its control socket, as the control process reads it.

The data plane itself writes plain JSON (lb/data/api.py): to load these would take it more memory
than a thousand streams.
"""

from __future__ import annotations

from collections.abc import Collection

from pydantic import Field

from lb.data.measures import REPLICAS_KEPT
from skyflow.load import ServiceLoad
from skyflow.records import Record
from skyflow.state import EndpointSet


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

    def merged(self, other: ReplicaCounters) -> ReplicaCounters:
        """Return both together: the same replica as two processes saw it."""
        return self.model_copy(
            update={
                "ready": self.ready or other.ready,
                "in_flight": self.in_flight + other.in_flight,
                "requests": self.requests + other.requests,
                "failures": self.failures + other.failures,
                "codes": _added(self.codes, other.codes),
            }
        )

    def over(self) -> ReplicaCounters:
        """Return what is left of it once its process has ended."""
        return self.model_copy(update={"ready": False, "in_flight": 0})


class ServiceCounters(Record):
    """Load and history of one service."""

    service: str
    incarnation: str
    started_at: float
    """Time (Unix, seconds) at which the incarnation began."""
    generation: int
    port: int
    listening: bool
    codes: dict[str, int]
    """Number of answers that the balancer gave itself, by status."""
    replicas: tuple[ReplicaCounters, ...]
    load: ServiceLoad
    requests: dict[str, dict[str, int]]
    """Number of requests that ended, by replica and status; no replica for answers of the balancer
    itself. Replicas that left are among them."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other services, and other incarnations."""
        return (self.service, self.incarnation)

    def merged(self, other: ServiceCounters) -> ServiceCounters:
        """Return both together: the same service as two processes saw it."""
        replicas = {(replica.replica_id, replica.url): replica for replica in self.replicas}
        for replica in other.replicas:
            known = replicas.get((replica.replica_id, replica.url))
            replicas[replica.replica_id, replica.url] = known.merged(replica) if known else replica
        known_replicas = sorted({*self.requests, *other.requests}, key=lambda name: int(name or 0))
        requests = {
            replica: _added(self.requests.get(replica, {}), other.requests.get(replica, {}))
            for replica in ["", *known_replicas[-REPLICAS_KEPT:]]
        }
        return self.model_copy(
            update={
                "generation": max(self.generation, other.generation),
                "listening": self.listening and other.listening,
                "codes": _added(self.codes, other.codes),
                "replicas": tuple(replicas[key] for key in sorted(replicas)),
                "load": self.load.merged(other.load),
                "requests": requests,
            }
        )

    def over(self) -> ServiceCounters:
        """Return what is left of it once its process has ended."""
        replicas = tuple(replica.over() for replica in self.replicas)
        return self.model_copy(update={"replicas": replicas, "load": self.load.over()})


class Services(Record):
    """All services that a data plane serves."""

    process: str
    """Which life of which process this is: differs after each start."""
    services: tuple[ServiceCounters, ...]

    def over(self, served: Collection[tuple[str, str]]) -> Services:
        """Return what is left of it once it has ended, of services that are served still."""
        left = tuple(service.over() for service in self.services if service.key in served)
        return self.model_copy(update={"services": left})


class EndpointSets(Record):
    """All endpoint sets in force."""

    sets: tuple[EndpointSet, ...]


class Run(Record):
    """One life of a data plane, and what it would have the control plane confirm."""

    id: str
    """Differs after each start."""
    unconfirmed: tuple[str, ...]
    """Services whose endpoint sets come from disk, or from before the computer slept."""


class LoadQuestion(Record):
    """A question for the load, which is answered early if a service without replicas is asked."""

    after: str = ""
    """The cursor of the last report (skyflow/load.py); a process not in it answers at once."""
    wait: float = Field(default=0, ge=0, le=60)
    """Longest wait, in seconds."""


class Refused(Record):
    """Why the data plane did not do what it was asked to."""

    error: str
    """Name of the error (lb/refusals.py), for machines."""
    message: str
    port: int | None = None


def _added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({**one, **other})}
