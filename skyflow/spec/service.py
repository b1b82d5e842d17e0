"""The `service` section: what makes a task a service."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from skyflow.spec.faults import allowed, wrong
from skyflow.spec.load_balancer import LoadBalancer
from skyflow.spec.numbers import DrainTime, Port, ReplicaCount
from skyflow.spec.probe import ReadinessProbe
from skyflow.spec.replica_policy import ReplicaPolicy
from skyflow.spec.section import Section


class Service(Section):
    """How replicas are probed, counted, reached and retired."""

    not_supported_yet: ClassVar = frozenset(
        {
            "tls",
            "pool",
            "workers",
            "timeout_seconds",
            "max_concurrency",
            "queue",
            "auth",
            "rate_limit",
            "update",
        }
    )

    readiness_probe: ReadinessProbe = Field(default_factory=ReadinessProbe)
    """When a replica is ready; a path alone stands for `{path: ...}`."""
    replicas: ReplicaCount | None = None
    """Number of replicas; 1 if neither this nor `replica_policy` is given."""
    replica_policy: ReplicaPolicy | None = None
    """The same as a section."""
    load_balancing_policy: Literal["least_load", "round_robin"] = "least_load"
    """Which ready replica gets a request."""
    ports: Port | None = None
    """Port of the service on a replica."""
    retry: Literal["safe", "all", "none"] = "safe"
    """Which requests may be repeated on another replica after they were sent: those whose method
    is idempotent, all, or none."""
    drain_seconds: DrainTime = 120
    """Longest time for requests in flight when a replica is retired."""
    load_balancer: LoadBalancer = Field(default_factory=LoadBalancer)
    """Limits of the balancer."""

    @property
    def target(self) -> int:
        """Number of replicas wanted."""
        if self.replica_policy is not None:
            return self.replica_policy.min_replicas
        return 1 if self.replicas is None else self.replicas

    @field_validator("readiness_probe", mode="before")
    @classmethod
    def _read_probe(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"path": value}
        if not isinstance(value, dict | ReadinessProbe):
            raise allowed("a path such as /health, or a mapping")
        return value

    @field_validator("replica_policy", mode="before")
    @classmethod
    def _check_single_count(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("replicas") is not None:
            raise wrong("is given beside `replicas`; allowed: one of the two")
        return value

    @field_validator("load_balancing_policy", mode="before")
    @classmethod
    def _check_policy(cls, value: Any) -> Any:
        if value == "instance_aware_least_load":
            raise wrong("instance_aware_least_load is not supported yet; allowed: least_load")
        return value
