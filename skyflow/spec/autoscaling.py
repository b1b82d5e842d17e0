"""What a service YAML says of the number of replicas, as the autoscaler takes it."""

from __future__ import annotations

from skyflow.autoscaling.settings import AutoscalingSettings, Bounds, ScheduleEntry
from skyflow.spec.service import Service

UPSCALE_SECONDS = 0.0
"""Delay of the signals that react at once, if none is given."""
QPS_UPSCALE_SECONDS = 300.0
"""SkyServe's delays of `target_qps_per_replica`; likewise the next."""
QPS_DOWNSCALE_SECONDS = 1200.0


def autoscaling_settings(service: Service) -> AutoscalingSettings | None:
    """Return what the autoscaler goes by; None where the number of replicas is fixed."""
    policy = service.replica_policy
    if policy is None or not policy.varies:
        return None
    qps = policy.target_qps_per_replica
    up, down = policy.upscale_delay_seconds, policy.downscale_delay_seconds
    return AutoscalingSettings(
        bounds=Bounds(least=policy.min_replicas, most=policy.most),
        overprovision=policy.num_overprovision or 0,
        qps=None if isinstance(qps, dict) else qps,
        qps_by_accelerator=service.qps_by_accelerator,
        ongoing=policy.target_ongoing_requests_per_replica,
        queue_length=policy.target_queue_length_per_replica,
        latency_p95_seconds=policy.target_latency_p95_seconds,
        first_byte_p95_seconds=policy.target_ttft_p95_seconds,
        max_concurrency=service.max_concurrency,
        qps_upscale_delay_seconds=QPS_UPSCALE_SECONDS if up is None else up,
        qps_downscale_delay_seconds=QPS_DOWNSCALE_SECONDS if down is None else down,
        upscale_delay_seconds=UPSCALE_SECONDS if up is None else up,
        downscale_delay_seconds=down,
        schedule=tuple(ScheduleEntry(**entry.model_dump()) for entry in policy.schedule or ()),
    )
