"""What requests that wait for a replica say of the replicas that it takes.

They are not all there at once to stay: those that came while replicas started are worked off, and
do not come again. What waits for other reasons is there to stay: clients that each send the next
request when one is answered never work it off. How many requests are there at once for good is
known by Little's law: those that come per second, times how long a replica works on one.
"""

from __future__ import annotations

from skyflow.autoscaling.window import STABLE_SECONDS, Load
from skyflow.records import Record

CATCHING_UP = 1.1
"""Requests answered, relative to those that came, at which a queue is being worked off: those that
waited in it say nothing against the present number of replicas."""
LEAST_ENDED = 20
"""Requests that must have ended to say how long replicas work on one."""


class Service(Record):
    """How long replicas work on a request."""

    seconds: float | None = None
    """On average, as last measured; None if it never was."""

    def seen(self, stable: Load) -> Service:
        """Return what is known after another look.

        Requests on replicas, over time, divided by those that ended: right if as many end as
        begin, and too long while they become more, which asks for too much rather than too little.
        """
        if stable.ended < max(LEAST_ENDED, stable.on_replicas):
            return self
        return Service(seconds=stable.on_replicas * stable.seconds / stable.ended)

    def lasting(self, load: Load, per_second: float, cold_start: float | None) -> float:
        """Return how many requests will be there at once, if those that wait pass.

        They are taken to be worked off within a minute, or while a replica starts if that takes
        longer: one that is started now does nothing before.

        Args:
            load: What is there.
            per_second: Requests that come.
            cold_start: Learned time until a replica that is started now is ready (seconds).

        """
        waiting = load.work - load.on_replicas
        if self.seconds is None or waiting <= 0:
            return load.work
        within = max(STABLE_SECONDS, cold_start or 0.0)
        coming = max(load.on_replicas, per_second * self.seconds)
        return min(load.work, coming + waiting * min(1.0, self.seconds / within))


def is_worked_off(recent: Load, waiting: float, cold_start: float | None) -> bool:
    """Return whether more requests end than come, and those that wait will be gone in time.

    Args:
        recent: What happened a moment ago.
        waiting: Requests that wait for a replica now.
        cold_start: As in `Service.lasting`.

    """
    if recent.ended < CATCHING_UP * recent.arrived or recent.seconds <= 0:
        return False
    within = max(STABLE_SECONDS, cold_start or 0.0)
    return waiting <= within * (recent.ended - recent.arrived) / recent.seconds
