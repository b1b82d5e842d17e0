"""What an autoscaler remembers between two evaluations: all of it is carried over restarts."""

from __future__ import annotations

from skyflow.autoscaling.decision import Rule
from skyflow.autoscaling.delayed import DelayedState
from skyflow.autoscaling.reactive import ReactiveState
from skyflow.autoscaling.window import Span
from skyflow.records import Record


class Memory(Record):
    """Everything that a decision depends on beside the present; begins empty.

    A few kilobytes, whatever the load. In an evaluation with other settings it keeps what was seen,
    and what the rules remember begins anew.
    """

    settings: int | None = None
    """Digest of the settings that it is of; None at first."""
    level: int | None = None
    """Replicas wanted, without over-provision."""
    rule: Rule | None = None
    """What settled that."""
    spans: tuple[Span, ...] = ()
    """Load of the stable window, oldest first."""
    delayed: DelayedState | None = None
    """The rule of requests per second."""
    reactive: ReactiveState | None = None
    """The rule of signals that react at once."""
