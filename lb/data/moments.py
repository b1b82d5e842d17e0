"""Times that can be compared across restarts, whatever becomes of the computer's clock."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the computer sleeps and never jumps; on macOS CLOCK_MONOTONIC is that clock."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, by two clocks."""

    boot: str
    """What `since_boot` counts from; differs after a restart of the computer."""
    since_boot: float
    """Seconds by a clock that does not jump."""
    wall: float
    """Time (Unix, seconds) by the computer's clock, which may be set at any time."""

    def age(self, now: Moment) -> float:
        """Return the seconds from then to now, infinite if nobody can tell.

        The computer's own clock counts only across its restarts. One that went back meanwhile says
        nothing about how long that took.
        """
        if self.boot == now.boot:
            return now.since_boot - self.since_boot
        return now.wall - self.wall if now.wall >= self.wall else math.inf


Clock = Callable[[], Moment]

LONG_AGO = Moment("", 0, 0)
"""For what is not known to have ever been."""


def moment() -> Moment:
    """Return the time it is."""
    return Moment(_boot(), time.clock_gettime(_CLOCK), time.time())


@cache
def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        # Without a name for the boot only this process can know that its clock has not started
        # over; to any other one the computer's clock counts.
        return f"process {os.getpid()} of {time.time()}"
