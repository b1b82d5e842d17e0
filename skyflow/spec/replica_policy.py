"""How many replicas a service has."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, field_validator, model_validator

from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.marks import NOT_YET
from skyflow.spec.numbers import (
    MAX_REQUESTS,
    Delay,
    Flag,
    Rate,
    ReplicaCount,
    Seconds,
    VariableText,
    read_variable,
)
from skyflow.spec.schedule import ScheduledBounds
from skyflow.spec.section import Section

MAX_SCHEDULE = 100
"""Most entries of a schedule."""

_RATE_FORMS = "a number above 0"
_QPS_FORMS = "a number above 0, or a mapping of accelerators such as A100-80GB:2 to numbers"
_ACCELERATOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*(?::\d{1,4})?")

Qps: TypeAlias = float | dict[str, float]
"""Requests per second of each replica: one number, or one for each `ACCELERATOR[:COUNT]`."""


def read_qps(value: Any) -> Qps:
    """Return either form of `target_qps_per_replica`."""
    if not isinstance(value, dict):
        return _rate(value, _QPS_FORMS)
    faults = []
    if not value:
        faults.append(Fault("is empty; allowed: " + _QPS_FORMS))
    for name, rate in value.items():
        if not isinstance(name, str) or not _ACCELERATOR.fullmatch(name):
            message = f"'{name}' cannot name an accelerator; allowed: NAME or NAME:COUNT"
            faults.append(Fault(message, (name,), of_key=True))
        if not _is_rate(read_variable(rate)):
            faults.append(Fault(_RATE_FORMS, (name,), shows_found=True))
    if faults:
        raise refused(faults)
    return {name: float(read_variable(rate)) for name, rate in value.items()}


_RateInput = Annotated[float, Field(gt=0, le=MAX_REQUESTS)] | VariableText
_QpsInput = _RateInput | dict[str, _RateInput]


class ReplicaPolicy(Section):
    """Bounds of the number of replicas, and what it follows between them."""

    min_replicas: ReplicaCount
    """Fewest replicas; the number of replicas if `max_replicas` is the same or left out."""
    max_replicas: ReplicaCount | None = None
    """Most replicas; `min_replicas` if left out."""
    target_qps_per_replica: (
        Annotated[Qps, BeforeValidator(read_qps, json_schema_input_type=_QpsInput)] | None
    ) = None
    """Requests per second that a replica should get. A mapping of accelerators to numbers needs
    `load_balancing_policy: instance_aware_least_load`."""
    target_ongoing_requests_per_replica: Rate | None = None
    """Requests at once that a replica should have, those that wait for one included."""
    target_queue_length_per_replica: Rate | None = None
    """Requests waiting at the balancer for each replica; needs `max_concurrency`, beyond which
    requests wait."""
    target_latency_p95_seconds: Seconds | None = None
    """Time within which 95 % of requests should be answered."""
    target_ttft_p95_seconds: Seconds | None = None
    """Time within which 95 % of requests should get the first byte of an answer."""
    schedule: tuple[ScheduledBounds, ...] | None = None
    """Other bounds from certain times on."""
    upscale_delay_seconds: Delay | None = None
    """Time that more replicas must have been needed before some are added; 300 for
    `target_qps_per_replica` and 0 for the other targets if left out."""
    downscale_delay_seconds: Delay | None = None
    """Time that fewer replicas must have been enough before some are taken away; 1200 for
    `target_qps_per_replica` if left out, and for the other targets 2.5 times what replicas took to
    become ready, from 60 to 300."""
    num_overprovision: ReplicaCount | None = None
    """Replicas beyond what the load asks for and beyond `max_replicas`; none while the load asks
    for none."""
    dynamic_ondemand_fallback: Annotated[Flag | None, NOT_YET] = None
    """Whether on-demand machines stand in for spot machines that are not ready."""
    base_ondemand_fallback_replicas: Annotated[ReplicaCount | None, NOT_YET] = None
    """Replicas that are always on on-demand machines."""
    spot_placer: Annotated[Literal["dynamic_fallback"] | None, NOT_YET] = None
    """How spot machines are spread over places."""
    availability_target: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, NOT_YET] = None
    """Share of time, between 0 and 1, in which `min_replicas` should be ready on spot machines."""

    @property
    def most(self) -> int:
        """Most replicas, whether or not `max_replicas` is given."""
        return self.min_replicas if self.max_replicas is None else self.max_replicas

    @property
    def varies(self) -> bool:
        """Whether the number of replicas follows anything: the load, or a schedule."""
        return self.most > self.min_replicas or self.schedule is not None

    @property
    def at_first(self) -> int:
        """Number of replicas wanted before any load is known."""
        return self.min_replicas + (self.num_overprovision or 0) if self.min_replicas else 0

    @property
    def in_total(self) -> int:
        """Most replicas at any time, those beyond what the load asks for included."""
        counts = [self.most]
        for entry in self.schedule or ():
            counts += [entry.min_replicas or 0, entry.max_replicas or 0]
        return max(counts) + (self.num_overprovision or 0)

    @property
    def has_target(self) -> bool:
        """Whether the number of replicas has something to follow."""
        return any(getattr(self, key) is not None for key in (*_TARGETS, "schedule"))

    @property
    def spot_keys(self) -> tuple[str, ...]:
        """The given keys that make sense with spot machines only."""
        return tuple(key for key in _SPOT_KEYS if getattr(self, key))

    @field_validator("schedule", mode="before")
    @classmethod
    def _read_schedule(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise allowed("a list of entries with `cron` and bounds")
        if not 1 <= len(value) <= MAX_SCHEDULE:
            raise wrong(f"found {len(value)} entries; allowed: 1 to {MAX_SCHEDULE}")
        return tuple(value)

    @model_validator(mode="after")
    def _check_bounds(self) -> ReplicaPolicy:
        faults = [*self._bound_faults(), *self._target_faults()]
        base = self.base_ondemand_fallback_replicas
        if base is not None and base > max(self.most, self._most_scheduled()):
            message = f"found {base}; allowed: at most the number of replicas ({self.most})"
            faults.append(Fault(message, ("base_ondemand_fallback_replicas",)))
        if faults:
            raise refused(faults)
        return self

    def _bound_faults(self) -> list[Fault]:
        if self.most < self.min_replicas:
            message = f"found {self.most}; allowed: at least min_replicas ({self.min_replicas})"
            return [Fault(message, ("max_replicas",))]
        if self.most > self.min_replicas and not self.has_target:
            message = (
                f"found {self.most}, but nothing says what the number of replicas follows; "
                f"allowed: min_replicas ({self.min_replicas}), or any number beside "
                "target_qps_per_replica or another target"
            )
            return [Fault(message, ("max_replicas",))]
        return []

    def _target_faults(self) -> list[Fault]:
        if self.max_replicas is not None:
            return []
        message = "needs `max_replicas`: without it the number of replicas is fixed"
        given = (key for key in _TARGETS if getattr(self, key) is not None)
        return [Fault(message, (key,), of_key=True) for key in given]

    def _most_scheduled(self) -> int:
        return max((entry.max_replicas or 0 for entry in self.schedule or ()), default=0)


_TARGETS = (
    "target_qps_per_replica",
    "target_ongoing_requests_per_replica",
    "target_queue_length_per_replica",
    "target_latency_p95_seconds",
    "target_ttft_p95_seconds",
)
_SPOT_KEYS = (
    "dynamic_ondemand_fallback",
    "base_ondemand_fallback_replicas",
    "spot_placer",
    "availability_target",
)


def _is_rate(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value <= MAX_REQUESTS


def _rate(value: Any, forms: str) -> float:
    rate = read_variable(value)
    if not _is_rate(rate):
        raise allowed(forms)
    return float(rate)
