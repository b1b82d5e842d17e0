"""When a failed replica may be replaced."""

from __future__ import annotations

from skyflow.state import ReplicaPhase

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 300.0
HEALTHY_SECONDS = 60.0
"""A replica that was ready for this long has proven itself: its loss starts a new count."""

ATTEMPTS_OF_UNPROVEN_VERSION = 3
"""Failures after which a version that was never ready gets no further replica."""


def replacement_delay(failures: int, jitter: float) -> float:
    """Return the seconds to wait before the next replica is started.

    Exponential with jitter: nothing after the loss of a proven replica, then 1, 2, 4 ... up to 300
    seconds, each spread over 50 % to 150 %, so that a service which keeps failing does not keep
    buying machines, and many services do not start theirs in step.

    Args:
        failures: Failures in a row, the latest included; the loss of a proven replica counts 0.
        jitter: A random number between 0 and 1.

    """
    if failures <= 0:
        return 0.0
    return float(min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(failures - 1, 20)) * (0.5 + jitter))


def failures_after(failures: int, outcome: ReplicaPhase, ready_for: float | None) -> int:
    """Return the failures in a row after one more replica ended by itself.

    A machine that its cloud took away while the replica served says nothing against the version:
    its loss is made good at once, however many are lost.

    Args:
        failures: Failures in a row before.
        outcome: What the replica ended as.
        ready_for: How long it had been ready, in seconds; None if it never was.
    """
    if ready_for is None:
        return failures + 1
    if outcome is ReplicaPhase.PREEMPTED or ready_for >= HEALTHY_SECONDS:
        return 0
    return failures + 1
