"""A clock that tests set."""

from __future__ import annotations

from lb.data.moments import Moment


class Hands:
    """The hands of a computer's clocks."""

    def __init__(self) -> None:
        self.boot = "first"
        self.since_boot = 1000.0
        self.wall = 1_700_000_000.0

    def __call__(self) -> Moment:
        return Moment(self.boot, self.since_boot, self.wall)

    def pass_by(self, seconds: float) -> None:
        self.since_boot += seconds
        self.wall += seconds

    def restart_computer(self, seconds: float) -> None:
        """Let a restart take some seconds by the wall clock."""
        self.boot += "'"
        self.since_boot = 0
        self.wall += seconds
