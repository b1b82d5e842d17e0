"""What the SDK answers with."""

from __future__ import annotations

from skyflow import API_VERSION
from skyflow.records import Record
from skyflow.state import ReplicaPhase, ServicePhase, ServiceStatus


class ServiceView(Record):
    """A service as it is known from here."""

    status: ServiceStatus
    endpoint: str | None = None
    """URL of the endpoint; None until it has a port."""
    stale: bool = False
    """No worker answered: this is what the service last wrote down, at `status.updated_at`."""

    @property
    def compatible(self) -> bool:
        """Whether the service's controller understands what this SDK sends."""
        return self.status.api_version == API_VERSION

    @property
    def ready(self) -> int:
        """Number of replicas that are ready."""
        return sum(r.phase is ReplicaPhase.READY and not r.leaving for r in self.status.replicas)

    @property
    def existing(self) -> int:
        """Number of replicas that exist and are meant to stay."""
        return sum(not (r.phase.ended or r.leaving) for r in self.status.replicas)

    @property
    def failures(self) -> int:
        """Number of replicas, of those still listed, that failed."""
        known = [r.outcome or r.phase for r in self.status.replicas]
        return sum(phase.failed for phase in known)

    @property
    def settled(self) -> bool:
        """Whether waiting for the service to come up is over: for better, or for worse.

        A service that is ready but keeps losing one of its replicas never reaches its target;
        nobody is made to wait for that.
        """
        if self.status.phase is ServicePhase.READY:
            return self.ready >= self.status.target or self.failures > 0
        return self.status.phase in (ServicePhase.FAILED, ServicePhase.SHUTTING_DOWN) or (
            self.status.target == 0 and self.status.port is not None
        )


class Farewell(Record):
    """How a service ended."""

    name: str
    complete: bool
    """Whether its workflow ran to its end, so that nothing is left of it."""
    detail: str = ""


class ReplicaFarewell(Record):
    """How a replica ended, or how far its end is."""

    name: str
    """Of its service."""
    replica_id: int
    ended: bool
    """Whether nothing of it is left but its logs."""
    phase: ReplicaPhase | None = None
    """None once the service does not list it any more."""
    reason: str = ""
    target: int = 0
    """Replicas that the service is to have."""
    replacements: tuple[int, ...] = ()
    """Replicas that the service has started since the end was asked for."""
