"""What an endpoint set says of how requests are treated: whether that can be done."""

from __future__ import annotations

from math import inf

from lb.data.endpoints import EndpointSet
from lb.data.log_lines import ACCESS_LOGS

RETRIES = ("safe", "all", "none")
"""Which requests may be repeated after they were sent."""


def check_limits(endpoints: EndpointSet) -> None:
    """Check that the limits of a set can be kept.

    Raises:
        ValueError: They cannot, with what is wrong and what is allowed.
    """
    _among("retry", endpoints.retry, RETRIES)
    _among("access log", endpoints.access_log, ACCESS_LOGS)
    _above_0("stream timeout", endpoints.stream_timeout_seconds)
    if endpoints.timeout_seconds is not None:
        _above_0("timeout", endpoints.timeout_seconds)
    if endpoints.max_concurrency is not None:
        _above_0("max_concurrency", endpoints.max_concurrency)
    if endpoints.cold_start_seconds is not None:
        _above_0("cold start", endpoints.cold_start_seconds)
    if queue := endpoints.queue:
        _above_0("longest wait", queue.max_wait_seconds)
        if queue.max_requests < 0:
            raise ValueError(f"queue of {queue.max_requests} requests is not 0 or more")


def _among(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} {value!r} is not known; allowed: {', '.join(allowed)}")


def _above_0(name: str, value: float) -> None:
    if not 0 < value < inf:
        raise ValueError(f"{name} {value} is not greater than 0")
