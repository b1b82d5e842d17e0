"""What an autoscaler remembers between two evaluations: all of it is carried over restarts."""

from __future__ import annotations

from skyflow.autoscaling.observation import Observation
from skyflow.records import Record


class Memory(Record):
    """Everything that a decision depends on beside the present; begins empty."""

    observations: tuple[Observation, ...] = ()
    """Those of the stable window, oldest first."""
