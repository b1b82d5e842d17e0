"""The bounds that are in force at a time, by a schedule of cron expressions.

Times are those of a wall clock, as Debian's cron reads them: what falls into the hour that is left
out in spring happens at its end, and what falls into the hour that comes twice in autumn happens
the first time. An expression with `*` for its minutes or hours goes by elapsed time instead.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from skyflow.autoscaling.settings import AutoscalingSettings, Bounds, ScheduleEntry

_HOUR = 3600


def bounds_at(settings: AutoscalingSettings, now: float) -> Bounds:
    """Return the bounds in force: those of the entry whose cron expression came last.

    Of entries that came at the same time the later one in the list counts. A side that it leaves
    out is the policy's, moved as far as the given side demands.

    Args:
        settings: What the service says.
        now: Time (Unix, seconds).

    """
    last, latest = None, float("-inf")
    for entry in settings.schedule:
        begun = _last_time(entry.cron, entry.timezone, now)
        if begun is not None and begun >= latest:
            last, latest = entry, begun
    return settings.bounds if last is None else _bounds(last, settings.bounds)


def is_cron(cron: str) -> bool:
    """Return whether an expression of five fields can be read and names any time at all."""
    try:
        next(CronSim(cron, datetime(2024, 1, 1)))
    except (CronSimError, StopIteration):
        return False
    return len(cron.split()) == 5


def _bounds(entry: ScheduleEntry, policy: Bounds) -> Bounds:
    least, most = entry.min_replicas, entry.max_replicas
    if least is None:
        most = policy.most if most is None else most
        return Bounds(least=min(policy.least, most), most=most)
    return Bounds(least=least, most=max(policy.most, least) if most is None else most)


def _last_time(cron: str, timezone: str, now: float) -> float | None:
    times = _times(cron, timezone, int(now // _HOUR))
    before = bisect_right(times, now)
    return times[before - 1] if before else None


@lru_cache(maxsize=4096)
def _times(cron: str, timezone: str, hour: int) -> tuple[float, ...]:
    """Return the times of an hour, and the last before it: all that is needed for an hour."""
    begin = datetime.fromtimestamp(hour * _HOUR, ZoneInfo(timezone))
    try:
        earlier = next(CronSim(cron, begin, reverse=True))
        times = [earlier.timestamp()]
        # Backwards, cronsim passes over what came within the hour that comes twice.
        for later in CronSim(cron, earlier):
            if later.timestamp() >= (hour + 1) * _HOUR:
                break
            times.append(later.timestamp())
    except (CronSimError, StopIteration):
        return ()
    return tuple(sorted(times))
