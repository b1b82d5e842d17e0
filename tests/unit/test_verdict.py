"""What the outcomes of a readiness probe mean."""

from __future__ import annotations

from skyflow.state import ReplicaPhase
from skyflow.watching.verdict import ReadinessVerdict


def verdict(**changes: object) -> ReadinessVerdict:
    fields: dict[str, object] = {
        "ready": False,
        "deadline": None,
        "failing_since": None,
        "longest_failure": 180,
    }
    return ReadinessVerdict(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_first_success_makes_it_ready() -> None:
    result = verdict(deadline=100).observe(True, "status 200", 50)
    assert result is not None
    assert result.phase is ReplicaPhase.READY


def test_failures_before_the_deadline_change_nothing() -> None:
    assert verdict(deadline=100).observe(False, "no connection", 99) is None


def test_a_failure_at_the_deadline_ends_it() -> None:
    result = verdict(deadline=100).observe(False, "no connection", 100)
    assert result is not None
    assert result.phase is ReplicaPhase.FAILED_INITIAL_DELAY
    assert "no connection" in result.reason


def test_a_success_while_ready_changes_nothing() -> None:
    assert verdict(ready=True).observe(True, "status 200", 50) is None


def test_one_failure_while_ready_makes_it_not_ready() -> None:
    result = verdict(ready=True).observe(False, "status 500", 50)
    assert result is not None
    assert (result.phase, result.failing_since) == (ReplicaPhase.NOT_READY, 50)


def test_failures_for_too_long_end_it() -> None:
    failing = verdict(failing_since=50)
    assert failing.observe(False, "status 500", 229) is None
    result = failing.observe(False, "status 500", 230)
    assert result is not None
    assert result.phase is ReplicaPhase.FAILED_PROBING


def test_a_success_ends_the_count_of_failures() -> None:
    failing = verdict(failing_since=50)
    assert failing.observe(True, "status 200", 60) is not None
    assert failing.failing_since is None
