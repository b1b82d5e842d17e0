"""Kinds of numbers in a service YAML."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from skyflow.spec.scalars import Substituted, read_plain

MAX_SECONDS = 30 * 24 * 3600
"""Longest time that a key may name, in seconds: 30 days."""
MAX_DRAIN_SECONDS = 24 * 3600
"""Longest drain, in seconds: a balancer waits for one at most a day."""
MAX_REPLICAS = 1000
"""Most replicas of a service."""
MAX_NODES = 100
"""Most machines of a replica."""
MAX_MACHINES = 1000
"""Most machines of all replicas together: what is known of each is in one message to Temporal,
which takes 2 MB."""
MAX_REQUESTS = 1_000_000
"""Most requests that a key may count: in flight, waiting, or per second."""

VariableText: TypeAlias = Annotated[str, Field(pattern=r"\$")]
"""Text that holds a variable, which may stand for a number where variables are filled in."""


def read_variable(value: Any) -> Any:
    """Return the number that a variable stands for; anything else is returned as it is."""
    return read_plain(value) if isinstance(value, Substituted) else value


def or_variable(kind: Any) -> BeforeValidator:
    """Return the validator of a kind of value that a variable may stand for."""
    return BeforeValidator(read_variable, json_schema_input_type=kind | VariableText)


_Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS)]
_Delay = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
_DrainTime = Annotated[float, Field(ge=0, le=MAX_DRAIN_SECONDS)]
_Port = Annotated[int, Field(ge=1, le=65535)]
_ReplicaCount = Annotated[int, Field(ge=0, le=MAX_REPLICAS)]
_RequestCount = Annotated[int, Field(ge=0, le=MAX_REQUESTS)]
_Limit = Annotated[int, Field(ge=1, le=MAX_REQUESTS)]
_Rate = Annotated[float, Field(gt=0, le=MAX_REQUESTS)]
_Fraction = Annotated[float, Field(ge=0, le=1)]
_Percent = Annotated[float, Field(gt=0, le=100)]

Seconds: TypeAlias = Annotated[_Seconds, or_variable(_Seconds)]
"""A time that must pass, in seconds."""
Delay: TypeAlias = Annotated[_Delay, or_variable(_Delay)]
"""A time that may be nothing, in seconds."""
DrainTime: TypeAlias = Annotated[_DrainTime, or_variable(_DrainTime)]
"""A time that a drain may take, in seconds."""
Port: TypeAlias = Annotated[_Port, or_variable(_Port)]
"""A TCP port."""
ReplicaCount: TypeAlias = Annotated[_ReplicaCount, or_variable(_ReplicaCount)]
"""A number of replicas."""
RequestCount: TypeAlias = Annotated[_RequestCount, or_variable(_RequestCount)]
"""A number of requests."""
Limit: TypeAlias = Annotated[_Limit, or_variable(_Limit)]
"""A number of requests that is not 0."""
Rate: TypeAlias = Annotated[_Rate, or_variable(_Rate)]
"""A number of requests, or of requests per second, above 0."""
Fraction: TypeAlias = Annotated[_Fraction, or_variable(_Fraction)]
"""A part of a whole, from 0 to 1."""
Percent: TypeAlias = Annotated[_Percent, or_variable(_Percent)]
"""A part of a whole, above 0 and up to 100."""
Flag: TypeAlias = Annotated[bool, or_variable(bool)]
"""Yes or no."""
NodeCount: TypeAlias = Annotated[int, Field(ge=1, le=MAX_NODES)]
"""A number of machines of a replica."""
