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


def read_variable(value: Any) -> Any:
    """Return the number that a variable stands for; anything else is returned as it is."""
    return read_plain(value) if isinstance(value, Substituted) else value


_FromVariable = BeforeValidator(read_variable)

Seconds: TypeAlias = Annotated[float, Field(gt=0, le=MAX_SECONDS), _FromVariable]
"""A time that must pass, in seconds."""
Delay: TypeAlias = Annotated[float, Field(ge=0, le=MAX_SECONDS), _FromVariable]
"""A time that may be nothing, in seconds."""
DrainTime: TypeAlias = Annotated[float, Field(ge=0, le=MAX_DRAIN_SECONDS), _FromVariable]
"""A time that a drain may take, in seconds."""
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535), _FromVariable]
"""A TCP port."""
ReplicaCount: TypeAlias = Annotated[int, Field(ge=0, le=MAX_REPLICAS), _FromVariable]
"""A number of replicas."""
NodeCount: TypeAlias = Annotated[int, Field(ge=1, le=MAX_NODES)]
"""A number of machines of a replica."""
