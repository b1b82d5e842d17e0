"""What a service's workflow keeps, and how it changes: no effects, no clock."""

from __future__ import annotations

from statistics import median

from pydantic import Field

from skyflow.autoscaling.progress import LoadProgress
from skyflow.autoscaling.settings import Bounds
from skyflow.contracts import ApplyRequest, Slot, StopRequest
from skyflow.placement.offers import Offer, Refusal
from skyflow.placement.refusals import remember, scope_in_words
from skyflow.records import State
from skyflow.rollout.backoff import (
    ATTEMPTS_OF_UNPROVEN_VERSION,
    failures_after,
    replacement_delay,
)
from skyflow.state import (
    Decision,
    EndpointSet,
    ReplicaPhase,
    ReplicaRecord,
    ReplicaReport,
    ServiceVersion,
)

DECISIONS_KEPT = 200
ENDED_REPLICAS_KEPT = 10
COLD_STARTS_KEPT = 10


class ServiceState(State):
    """Everything a service's workflow knows."""

    installation: str
    service: str
    incarnation: str
    started_at: float
    version: ServiceVersion
    target: int
    next_replica_id: int = 1
    replicas: dict[int, ReplicaRecord] = Field(default={})
    ended: list[ReplicaRecord] = Field(default=[])
    """The last replicas that ended, oldest first."""
    slot: Slot | None = None
    balancers: tuple[str, ...] = ()
    """The balancers there are, sorted."""
    refused_ports: tuple[int, ...] = ()
    endpoint_set: EndpointSet | None = None
    published: dict[str, int] = Field(default={})
    """Generation that each balancer serves."""
    stale_balancers: dict[str, int] = Field(default={})
    """Failed attempts in a row to reach a balancer."""
    balancer_retry_at: dict[str, float] = Field(default={})
    serving: bool = False
    """Whether a balancer has said that it sends requests to a replica."""
    served: bool = False
    """Whether one ever has."""
    was_ready: bool = False
    """Whether a replica of this version has been ready."""
    failures: int = 0
    """Replicas that failed in a row."""
    next_start_at: float = 0
    """Time (Unix, seconds) before which no replica is started."""
    place_again_at: float = 0
    """Time (Unix, seconds) before which no offer is looked for."""
    reason: str = ""
    """Why the service is as it is, when that is not as asked."""
    refusals: list[Refusal] = Field(default=[])
    decisions: list[Decision] = Field(default=[])
    stop: StopRequest | None = None
    signals: int = 0
    held: bool = False
    """Whether the target was set by hand and does not follow the load until it is told to."""
    bounds: Bounds | None = None
    """Between which the load decides now, as the last watch of it said."""
    load: LoadProgress = LoadProgress()
    """What the last watch of the load left for the next."""
    in_flight: dict[int, int] = Field(default={})
    """Requests at each replica when the load was last told of."""
    cold_starts: tuple[float, ...] = ()
    """Seconds that the last replicas took from their start until they were ready."""

    @staticmethod
    def begin(request: ApplyRequest, service: str, now: float) -> ServiceState:
        """Return the state of a service that has just been asked for."""
        return ServiceState(
            installation=request.installation,
            service=service,
            incarnation=request.incarnation,
            started_at=now,
            version=request.version,
            target=request.version.settings.replicas,
        )

    @property
    def unproven_and_exhausted(self) -> bool:
        """Whether a version that was never ready has used up its attempts."""
        return not self.was_ready and self.failures >= ATTEMPTS_OF_UNPROVEN_VERSION

    @property
    def failed(self) -> bool:
        """Whether the version is given up: nothing of it is left to become ready."""
        return self.unproven_and_exhausted and not any(r.live for r in self.replicas.values())

    @property
    def reachable_balancers(self) -> tuple[str, ...]:
        """The balancers that took what they were last sent, or were sent nothing yet."""
        return tuple(b for b in self.balancers if not self.stale_balancers.get(b))

    @property
    def bounds_in_force(self) -> Bounds | None:
        """Between which numbers the load decides; None if it decides nothing."""
        autoscaling = self.version.settings.autoscaling
        return self.bounds or (autoscaling.bounds if autoscaling else None)

    @property
    def cold_start_seconds(self) -> float | None:
        """The learned time from a replica's start until it is ready; None before there was one."""
        return median(self.cold_starts) if self.cold_starts else None

    def decide(self, now: float, kind: str, reason: str, replica_id: int | None = None) -> None:
        """Keep a decision and its reason."""
        self.keep(Decision(at=now, kind=kind, reason=reason, replica_id=replica_id))

    def keep(self, decision: Decision) -> None:
        """Keep a decision, and forget the oldest ones."""
        self.decisions.append(decision)
        del self.decisions[:-DECISIONS_KEPT]

    def change(self, replica_id: int, **changes: object) -> ReplicaRecord:
        """Change what is known of a replica, and return it."""
        record = self.replicas[replica_id].model_copy(update=changes)
        self.replicas[replica_id] = record
        return record

    def add_replica(self, now: float) -> ReplicaRecord:
        """Add a replica that waits for an offer. Ids are never used twice."""
        record = ReplicaRecord(
            replica_id=self.next_replica_id,
            version=self.version.number,
            created_at=now,
            phase_since=now,
        )
        self.next_replica_id += 1
        self.replicas[record.replica_id] = record
        return record

    def assign(self, replica_id: int, offer: Offer, now: float) -> ReplicaRecord:
        """Give a replica the offer that it tries next; it says itself when it first tries one."""
        attempt = self.replicas[replica_id].attempt + 1
        record = self.change(replica_id, offer=offer, attempt=attempt, reason="")
        if attempt == 1:
            return record
        return self.change(replica_id, phase=ReplicaPhase.PROVISIONING, phase_since=now)

    def absorb(self, report: ReplicaReport, now: float, jitter: float) -> None:
        """Take in a replica's report; an old one, or one of another incarnation, changes nothing.

        Args:
            report: What the replica says.
            now: Time (Unix, seconds).
            jitter: A random number between 0 and 1, for the delay of a replacement.

        """
        record = self.replicas.get(report.replica_id)
        if record is None or report.incarnation != self.incarnation:
            return
        if report.epoch <= record.epoch:
            return
        self._note_outcome(record, report, now, jitter)
        changed = record.phase is not report.phase
        ready = report.phase is ReplicaPhase.READY
        if ready and record.ready_at is None:
            self._learn_cold_start(now - record.created_at)
        record = self.change(
            report.replica_id,
            epoch=report.epoch,
            phase=report.phase,
            reason=report.reason,
            endpoint=report.endpoint or record.endpoint,
            nodes=report.nodes or record.nodes,
            outcome=report.outcome or record.outcome,
            notice=report.notice,
            phase_since=now if changed else record.phase_since,
            ready_at=record.ready_at if record.ready_at or not ready else now,
        )
        self._note_readiness(record)
        if report.refusal is not None:
            self._note_refusal(record, report.refusal, now)
        if record.phase.ended:
            self.forget(record.replica_id)

    def forget(self, replica_id: int) -> None:
        """Move a replica to those that ended."""
        self.ended.append(self.replicas.pop(replica_id))
        del self.ended[:-ENDED_REPLICAS_KEPT]

    def retire(
        self,
        replica_id: int,
        reason: str,
        now: float,
        outcome: ReplicaPhase = ReplicaPhase.TERMINATED,
    ) -> None:
        """Take a replica out: it is drained and ended; one that is on its way out stays so."""
        record = self.replicas.get(replica_id)
        if record is None or not record.live:
            return
        self.change(replica_id, leaving=True, stop_as=outcome, reason=reason)
        if self.stop is None:
            self.decide(now, "stop", reason, replica_id)
        if record.attempt == 0:
            self.change(replica_id, phase=ReplicaPhase.TERMINATED)
            self.forget(replica_id)

    def lose(self, replica_id: int, reason: str, now: float) -> None:
        """Have a replica whose workflow is gone told once more to end, and so be cleared away."""
        record = self.replicas.get(replica_id)
        if record is None or record.attempt == 0:
            return
        self.change(
            replica_id,
            leaving=True,
            stop_sent=False,
            stop_as=record.outcome or record.stop_as,
            reason=record.reason if record.leaving else reason,
        )
        self.decide(now, "lost", reason, replica_id)

    def abandon(self, replica_id: int, reason: str, now: float, jitter: float) -> None:
        """Count a replica as failed that was never started."""
        report = ReplicaReport(
            incarnation=self.incarnation,
            replica_id=replica_id,
            epoch=self.replicas[replica_id].epoch + 1,
            phase=ReplicaPhase.FAILED_PROVISION,
            outcome=ReplicaPhase.FAILED_PROVISION,
            reason=reason,
        )
        self.absorb(report, now, jitter)

    def _note_outcome(
        self, record: ReplicaRecord, report: ReplicaReport, now: float, jitter: float
    ) -> None:
        """Count a failure once, when it is first known, unless the replica was told to go."""
        outcome = report.outcome
        if outcome is None or record.outcome is not None or not outcome.failed:
            return
        if record.leaving and outcome is not ReplicaPhase.FAILED_PROVISION:
            return
        ready_for = None if record.ready_at is None else now - record.ready_at
        self.failures = failures_after(self.failures, outcome, ready_for)
        delay = replacement_delay(self.failures, jitter)
        self.next_start_at = now + delay
        self.reason = f"replica {record.replica_id}: {outcome.value}: {report.reason}"
        if self.unproven_and_exhausted:
            advice = f"{self.failures} failures and never ready: no more replicas of this version"
        else:
            advice = (
                f"a replacement may start in {delay:.1f} s (failures in a row: {self.failures})"
            )
        self.decide(now, "fail", f"{outcome.value}: {report.reason}; {advice}", record.replica_id)

    def _learn_cold_start(self, seconds: float) -> None:
        self.cold_starts = (*self.cold_starts, seconds)[-COLD_STARTS_KEPT:]

    def _note_readiness(self, record: ReplicaRecord) -> None:
        if record.phase is ReplicaPhase.READY:
            self.was_ready = True
            self.reason = ""

    def _note_refusal(self, record: ReplicaRecord, refusal: Refusal, now: float) -> None:
        self.refusals = remember(self.refusals, refusal, now)
        kept = self.refusals[-1]
        counted = refusal.kind not in ("NoCapacity", "QuotaExceeded")
        self.change(record.replica_id, offer=None, errors=record.errors + counted)
        again = f", refused {kept.times} times" if kept.times > 1 else ""
        self.decide(
            now,
            "refused",
            f"{refusal.place.instance_type} in {refusal.place}: {refusal.kind}: {refusal.message}; "
            f"{scope_in_words(kept.kind, kept.place)} avoided for {kept.until - now:.0f} s{again}",
            record.replica_id,
        )
