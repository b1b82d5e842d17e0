"""What a readiness probe's outcome means for a replica: no effects, no clock."""

from __future__ import annotations

from dataclasses import dataclass

from skyflow.contracts import WatchResult
from skyflow.state import ReplicaPhase


@dataclass
class ReadinessVerdict:
    """Turns outcomes of a readiness probe into changes of phase."""

    ready: bool
    """Whether the probe last succeeded."""
    deadline: float | None
    """Time (Unix, seconds) by which it must have succeeded once; None when it has."""
    failing_since: float | None
    """Time (Unix, seconds) of the first of the probes that failed in a row."""
    longest_failure: float
    """Seconds for which probes may fail in a row before the replica is given up."""

    def observe(self, succeeded: bool, detail: str, now: float) -> WatchResult | None:
        """Take in one outcome; return the change that follows from it, if one does."""
        if succeeded:
            self.failing_since = None
            return None if self.ready else WatchResult(phase=ReplicaPhase.READY)
        if self.deadline is not None:
            return self._not_yet_ready(detail, now)
        self.failing_since = self.failing_since if self.failing_since is not None else now
        failing_for = now - self.failing_since
        if failing_for >= self.longest_failure:
            return self._failed(
                ReplicaPhase.FAILED_PROBING,
                f"readiness probe failed for {failing_for:.0f} s",
                detail,
            )
        if self.ready:
            return WatchResult(
                phase=ReplicaPhase.NOT_READY,
                reason=f"readiness probe: {detail}",
                failing_since=self.failing_since,
            )
        return None

    def _not_yet_ready(self, detail: str, now: float) -> WatchResult | None:
        if self.deadline is None or now < self.deadline:
            return None
        return self._failed(
            ReplicaPhase.FAILED_INITIAL_DELAY, "not ready within initial_delay_seconds", detail
        )

    def _failed(self, phase: ReplicaPhase, why: str, detail: str) -> WatchResult:
        return WatchResult(
            phase=phase,
            reason=f"{why}; last probe: {detail}",
            failing_since=self.failing_since,
        )
