"""What an autoscaled service says of the number of its replicas."""

from __future__ import annotations

from pydantic import Field

from skyflow.records import Record


class Bounds(Record):
    """Fewest and most replicas, over-provision not counted."""

    least: int
    most: int

    def clip(self, replicas: int) -> int:
        """Return the number nearest to one that is within the bounds."""
        return max(self.least, min(self.most, replicas))


class ScheduleEntry(Record):
    """Bounds that hold from each time that `cron` names until another entry's."""

    cron: str
    """Minute, hour, day, month, weekday."""
    timezone: str = "UTC"
    min_replicas: int | None = None
    """Those of the policy if not given; `max_replicas` likewise."""
    max_replicas: int | None = None


class AutoscalingSettings(Record):
    """Bounds, and the targets that the number of replicas follows between them."""

    bounds: Bounds
    overprovision: int = 0
    """Replicas beyond what the load asks for, and beyond the bounds; none while that is zero."""
    qps: float | None = None
    """Requests per second that each replica should get, whatever its accelerator."""
    qps_by_accelerator: dict[str, float] = Field(default={})
    """The same by `ACCELERATOR[:COUNT]`; replicas then differ in what they can take."""
    ongoing: float | None = None
    """Requests at once that each replica should have, those that wait for one included."""
    queue_length: float | None = None
    """Requests that may wait at the balancer for each replica; needs `max_concurrency`."""
    latency_p95_seconds: float | None = None
    """Time within which 95 % of requests should be answered."""
    first_byte_p95_seconds: float | None = None
    """Time within which 95 % of requests should get the first byte of their answer."""
    max_concurrency: int | None = None
    """Most requests at once on a replica, as the balancer keeps it."""
    qps_upscale_delay_seconds: float = 300
    """Time that requests per second must have called for more replicas before there are more."""
    qps_downscale_delay_seconds: float = 1200
    """Time that requests per second must have called for fewer before there are fewer."""
    upscale_delay_seconds: float = 0
    """The same for the signals that react at once."""
    downscale_delay_seconds: float | None = None
    """Time over which the highest recommendation of those signals holds (HPA's stabilization); None
    for one that follows the learned cold start (`downscale_delay` in reactive.py)."""
    schedule: tuple[ScheduleEntry, ...] = ()

    @property
    def follows_qps(self) -> bool:
        """Whether the number of replicas follows requests per second."""
        return self.qps is not None or bool(self.qps_by_accelerator)

    @property
    def follows_reactive(self) -> bool:
        """Whether it follows any of the signals that react at once."""
        signals = (
            self.ongoing,
            self.queue_length,
            self.latency_p95_seconds,
            self.first_byte_p95_seconds,
        )
        return any(signal is not None for signal in signals)
