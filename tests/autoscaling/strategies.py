"""Settings and loads of any kind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from skyflow.autoscaling.observation import Observation
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds, ScheduleEntry

_NUMBERS = st.integers(0, 40) | st.sampled_from([0, 10**3, 10**12])
_DELAYS = st.sampled_from([0.0, 5.0, 60.0, 300.0])
_COUNTS = st.dictionaries(st.integers(0, 81), st.integers(1, 50), max_size=4)

WORK_SIGNALS: tuple[dict[str, Any], ...] = (
    {"ongoing": 3},
    {"queue_length": 2, "max_concurrency": 4},
    {"ongoing": 2.5, "queue_length": 1, "max_concurrency": 2},
)
SIGNALS: tuple[dict[str, Any], ...] = (
    *WORK_SIGNALS,
    {},
    {"qps": 2},
    {"qps_by_accelerator": {"A100": 4, "T4": 1}},
    {"latency_p95_seconds": 0.5},
    {"first_byte_p95_seconds": 0.2, "ongoing": 5},
    {"qps": 0.5, "ongoing": 4},
)


@st.composite
def all_settings(draw: st.DrawFn) -> AutoscalingSettings:
    least = draw(st.integers(0, 3))
    return AutoscalingSettings(
        bounds=Bounds(least=least, most=draw(st.integers(max(1, least), 30))),
        overprovision=draw(st.integers(0, 2)),
        qps_upscale_delay_seconds=draw(_DELAYS),
        qps_downscale_delay_seconds=draw(_DELAYS),
        upscale_delay_seconds=draw(_DELAYS),
        downscale_delay_seconds=draw(_DELAYS),
        schedule=draw(st.sampled_from([(), (_MINUTES, _HOURLY)])),
        **draw(st.sampled_from(SIGNALS)),
    )


_MINUTES = ScheduleEntry(cron="*/2 * * * *", min_replicas=2, max_replicas=5)
_HOURLY = ScheduleEntry(cron="1-59/2 * * * *", max_replicas=1)


@st.composite
def observations(draw: st.DrawFn) -> Observation | None:
    """Return what was seen, at a time that is yet to be set; None if nothing was."""
    if draw(st.integers(0, 9)) == 0:
        return None
    return Observation(
        at=0,
        seconds=draw(st.sampled_from([0.0, 0.2, 1.0, 1.0, 1.0, 7.0, 90.0, 4000.0])),
        arrived=draw(_NUMBERS),
        in_flight=draw(_NUMBERS),
        queued=draw(_NUMBERS),
        ready=draw(st.integers(0, 30)),
        latency=draw(_COUNTS),
        first_byte=draw(_COUNTS),
    )


RUNS = st.lists(st.tuples(observations(), st.integers(1, 15)), min_size=1, max_size=12)
"""What is seen, and how often in a row."""
