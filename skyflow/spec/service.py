"""The `service` section: what makes a task a service."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.limits import Auth, Queue, RateLimit, Tls, check_rate_limit
from skyflow.spec.load_balancer import AFFINITY_KEYS, LoadBalancer
from skyflow.spec.marks import NOT_YET
from skyflow.spec.numbers import DrainTime, Limit, Port, ReplicaCount, Seconds
from skyflow.spec.probe import ReadinessProbe
from skyflow.spec.replica_policy import ReplicaPolicy
from skyflow.spec.section import Section
from skyflow.spec.update import Update

INSTANCE_AWARE = "instance_aware_least_load"
"""The policy that knows how much each kind of machine can take."""
PREFIX_AFFINITY = "prefix_affinity"
"""The policy that knows who has served what before."""
_POOL = "makes a pool of workers for jobs, which skyflow does not run; allowed: `replicas`"


def read_probe(value: Any) -> Any:
    """Return either form of `readiness_probe` as a mapping."""
    if isinstance(value, str):
        return {"path": value}
    if not isinstance(value, dict | ReadinessProbe):
        raise allowed("a path such as /health, or a mapping")
    return value


Probe: TypeAlias = Annotated[
    ReadinessProbe, BeforeValidator(read_probe, json_schema_input_type=str | ReadinessProbe)
]
"""A readiness probe; a path alone stands for `{path: ...}`."""


class Service(Section):
    """How replicas are probed, counted, reached and retired."""

    refused_keys: ClassVar[Mapping[str, str]] = MappingProxyType({"pool": _POOL, "workers": _POOL})

    readiness_probe: Probe = Field(default_factory=ReadinessProbe)
    """When a replica is ready; a path alone stands for `{path: ...}`."""
    replicas: ReplicaCount | None = None
    """Number of replicas; 1 if neither this nor `replica_policy` is given."""
    replica_policy: ReplicaPolicy | None = None
    """Bounds of the number of replicas, and what it follows between them."""
    load_balancing_policy: Literal[
        "least_load", "round_robin", "instance_aware_least_load", "prefix_affinity"
    ] = "least_load"
    """Which ready replica gets a request."""
    load_balancer: LoadBalancer = Field(default_factory=LoadBalancer)
    """Settings and logs of the balancer."""
    ports: Port | None = None
    """Port of the service on a replica."""
    tls: Annotated[Tls | None, NOT_YET] = None
    """Certificate and key of the endpoint."""
    retry: Literal["safe", "all", "none"] = "safe"
    """Which requests may be repeated on another replica after they were sent: those whose method
    is idempotent, all, or none."""
    timeout_seconds: Seconds | None = None
    """Longest time until a replica begins to answer a request that it has got."""
    max_concurrency: Limit | None = None
    """Most requests at once on a replica."""
    queue: Queue | None = None
    """Where requests wait while no replica can take them. If it is left out, they wait with its
    defaults where `max_concurrency` is given or the number of replicas follows the load, and are
    refused at once elsewhere."""
    drain_seconds: DrainTime = 120
    """Longest time for requests in flight when a replica is retired."""
    auth: Annotated[Auth | None, NOT_YET] = None
    """Who may send requests; anyone if left out."""
    rate_limit: Annotated[RateLimit | None, NOT_YET] = None
    """How many requests a client may send."""
    update: Annotated[Update | None, NOT_YET] = None
    """How a new version replaces the old one."""

    @property
    def target(self) -> int:
        """Number of replicas wanted at first."""
        if self.replica_policy is not None:
            return self.replica_policy.at_first
        return 1 if self.replicas is None else self.replicas

    @property
    def in_total(self) -> int:
        """Most replicas at any time."""
        return self.replica_policy.in_total if self.replica_policy else self.target

    @property
    def qps_by_accelerator(self) -> dict[str, float]:
        """Requests per second that each kind of machine can take; empty if nothing is said."""
        qps = self.replica_policy.target_qps_per_replica if self.replica_policy else None
        return qps if isinstance(qps, dict) else {}

    @field_validator("replica_policy", mode="before")
    @classmethod
    def _check_single_count(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("replicas") is not None:
            raise wrong("is given beside `replicas`; allowed: one of the two")
        return value

    @model_validator(mode="after")
    def _check_rates(self) -> Service:
        check_rate_limit(self.rate_limit, self.auth)
        qps = self.replica_policy.target_qps_per_replica if self.replica_policy else None
        is_aware = self.load_balancing_policy == INSTANCE_AWARE
        if isinstance(qps, dict) and not is_aware:
            message = (
                f"is a mapping, which needs `load_balancing_policy: {INSTANCE_AWARE}`; "
                f"allowed with {self.load_balancing_policy}: a number"
            )
            path = ("replica_policy", "target_qps_per_replica")
            raise refused([Fault(message, path, of_key=True)])
        if is_aware and not isinstance(qps, dict):
            message = (
                f"{INSTANCE_AWARE} needs to know what each accelerator can take; add "
                "`replica_policy.target_qps_per_replica` as a mapping such as {L4: 2, A100: 8}"
            )
            raise refused([Fault(message, ("load_balancing_policy",))])
        return self

    @model_validator(mode="after")
    def _check_queue_length(self) -> Service:
        policy = self.replica_policy
        if policy is None or policy.target_queue_length_per_replica is None:
            return self
        if self.max_concurrency is None:
            message = (
                "needs `max_concurrency`: requests wait once replicas have that many, and not "
                "before; allowed without it: target_ongoing_requests_per_replica"
            )
            path = ("replica_policy", "target_queue_length_per_replica")
            raise refused([Fault(message, path, of_key=True)])
        return self

    @model_validator(mode="after")
    def _check_affinity(self) -> Service:
        if self.load_balancing_policy == PREFIX_AFFINITY:
            return self
        needs = f"needs `load_balancing_policy: {PREFIX_AFFINITY}`"
        given = [key for key in AFFINITY_KEYS if getattr(self.load_balancer, key) is not None]
        if given:
            raise refused([Fault(needs, ("load_balancer", key), of_key=True) for key in given])
        return self
