"""How a new version of a service replaces the old one."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, field_validator, model_validator

from skyflow.spec.faults import Fault, allowed, refused, wrong
from skyflow.spec.numbers import (
    MAX_REPLICAS,
    Delay,
    Fraction,
    Limit,
    Percent,
    Seconds,
    VariableText,
    read_variable,
)
from skyflow.spec.section import Section

MAX_STEPS = 50
"""Most steps of a canary."""

_SHARE = re.compile(r"(\d{1,3})%")
_SHARE_FORMS = f"a number of replicas from 0 to {MAX_REPLICAS}, or a share such as 25%"


def read_share(value: Any) -> int | str:
    """Return a number of replicas, or a share of them such as `25%`."""
    value = read_variable(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_REPLICAS:
        return value
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 100:
        raise allowed(_SHARE_FORMS)
    return f"{int(match[1])}%"


_ShareText = Annotated[str, Field(pattern=r"^\d{1,3}%$")]
_ShareInput = Annotated[int, Field(ge=0, le=MAX_REPLICAS)] | _ShareText | VariableText
Share: TypeAlias = Annotated[
    int | str, BeforeValidator(read_share, json_schema_input_type=_ShareInput)
]
"""A number of replicas, or a share of them."""


class CanaryStep(Section):
    """One step of a canary."""

    weight: Percent
    """Share of requests that the new version gets, in percent."""
    pause_seconds: Delay = 60
    """Time until the next step."""


class CanaryAnalysis(Section):
    """When a canary has failed and is taken back."""

    max_error_rate: Fraction | None = None
    """Largest share of failed requests, from 0 to 1."""
    max_latency_p95_seconds: Seconds | None = None
    """Largest time within which 95 % of requests are answered."""
    min_requests: Limit = 100
    """Requests before there is a verdict."""


class Canary(Section):
    """Give the new version a growing share of the requests."""

    steps: tuple[CanaryStep, ...]
    """Shares in order, each larger than the one before; then the new version gets everything."""
    analysis: CanaryAnalysis | None = None
    """When to take the new version back."""

    @field_validator("steps", mode="before")
    @classmethod
    def _read_steps(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise allowed("a list of steps such as {weight: 10, pause_seconds: 60}")
        if not 1 <= len(value) <= MAX_STEPS:
            raise wrong(f"found {len(value)} steps; allowed: 1 to {MAX_STEPS}")
        return tuple(value)

    @field_validator("steps")
    @classmethod
    def _check_growth(cls, steps: tuple[CanaryStep, ...]) -> tuple[CanaryStep, ...]:
        faults = [
            Fault(f"found {after.weight:g}; allowed: above {before.weight:g}", (at + 1, "weight"))
            for at, (before, after) in enumerate(pairwise(steps))
            if after.weight <= before.weight
        ]
        if faults:
            raise refused(faults)
        return steps


class Update(Section):
    """How a new version replaces the old one."""

    mode: Literal["rolling", "blue_green", "canary"] = "rolling"
    """Replica by replica, all at once after a full second set is ready, or by growing shares."""
    max_surge: Share = "25%"
    """Replicas beyond the target while a rolling update lasts."""
    max_unavailable: Share = 0
    """Replicas below the target while a rolling update lasts."""
    min_ready_seconds: Delay = 0
    """Time that a new replica must have been ready before it counts."""
    progress_deadline_seconds: Seconds = 3600
    """Time without progress after which the update is taken back."""
    retain_seconds: Delay = 0
    """Time for which the old version is kept after a blue-green update."""
    canary: Canary | None = None
    """Steps of mode `canary`."""

    @model_validator(mode="after")
    def _check_mode(self) -> Update:
        if self.mode == "canary" and self.canary is None:
            raise refused([Fault("is `canary` but there is no `canary` section", ("mode",))])
        if self.mode != "canary" and self.canary is not None:
            message = f"is given but the mode is {self.mode}; allowed: with `mode: canary`"
            raise refused([Fault(message, ("canary",), of_key=True)])
        if self.max_surge in (0, "0%") and self.max_unavailable in (0, "0%"):
            message = "is 0 like max_unavailable: nothing could be replaced; allowed: one above 0"
            raise refused([Fault(message, ("max_surge",))])
        return self
