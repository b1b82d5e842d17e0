"""How many replicas a service has."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ValidationInfo, field_validator

from skyflow.spec.faults import wrong
from skyflow.spec.numbers import ReplicaCount
from skyflow.spec.section import Section


class ReplicaPolicy(Section):
    """A fixed number of replicas."""

    not_supported_yet: ClassVar = frozenset(
        {
            "target_qps_per_replica",
            "num_overprovision",
            "dynamic_ondemand_fallback",
            "base_ondemand_fallback_replicas",
            "spot_placer",
            "upscale_delay_seconds",
            "downscale_delay_seconds",
            "target_ongoing_requests_per_replica",
            "target_queue_length_per_replica",
            "target_latency_p95_seconds",
            "target_ttft_p95_seconds",
            "schedule",
            "availability_target",
        }
    )

    min_replicas: ReplicaCount
    """Number of replicas."""
    max_replicas: ReplicaCount | None = None
    """The same number, if given: the number does not follow the load yet."""

    @field_validator("max_replicas")
    @classmethod
    def _check_fixed(cls, most: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("min_replicas")
        if most is None or least is None or most == least:
            return most
        if most < least:
            raise wrong(f"found {most}; allowed: at least min_replicas ({least})")
        raise wrong(
            f"found {most}, but autoscaling is not supported yet; allowed: min_replicas ({least})"
        )
