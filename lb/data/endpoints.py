"""What the data plane serves, as plain data.

The records of skyflow/state.py say the same with checks and a schema, and take longer to load than
all the rest of the data plane. One that was killed must serve again at once; so it reads them only
when it is told of a new set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One replica that requests may be sent to."""

    replica_id: int
    url: str
    weight: float = 1
    capacity: float = 1

    @staticmethod
    def of(values: Mapping[str, Any]) -> Endpoint:
        """Return the endpoint with these values; others than its fields are ignored.

        Raises:
            TypeError: A value is missing.
        """
        known = {field.name for field in fields(Endpoint)} & set(values)
        return Endpoint(**{name: values[name] for name in known})


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many requests wait while no replica can take them, and how long."""

    max_requests: int
    max_wait_seconds: float


@dataclass(frozen=True, slots=True)
class EndpointSet:
    """Everything there is to know of one service; `skyflow.state.EndpointSet` explains it."""

    service: str
    incarnation: str
    started_at: float
    generation: int
    port: int
    load_balancing_policy: str = "least_load"
    slow_start_seconds: float = 0
    prefix_bytes: int = 16384
    session_header: str | None = None
    retry: str = "safe"
    stream_timeout_seconds: float = 120
    timeout_seconds: float | None = None
    max_concurrency: int | None = None
    queue: QueueLimits | None = None
    endpoints: tuple[Endpoint, ...] = ()
    draining: tuple[Endpoint, ...] = ()
    removed: bool = False
    access_log: str = "text"
    cold_start_seconds: float | None = None

    @property
    def order(self) -> tuple[float, int]:
        """What two sets of one service are compared by: the greater one is newer."""
        return (self.started_at, self.generation)

    @staticmethod
    def checked(values: object) -> EndpointSet:
        """Return the set with values that may be of any kind; keys that are not known are ignored.

        Raises:
            ValueError: They are not those of a set, with what is wrong and what is allowed.
        """
        _check(values, EndpointSet, "the set")
        assert isinstance(values, dict)  # noqa: S101 - as was checked
        return EndpointSet.of(values)

    @staticmethod
    def of(values: Mapping[str, Any]) -> EndpointSet:
        """Return the set with these values; others than its fields are ignored.

        Raises:
            KeyError, TypeError: A value is missing, or the values are not those of a set.
        """
        known = {field.name for field in fields(EndpointSet)} & set(values)
        found = {name: values[name] for name in known}
        for name in ("endpoints", "draining"):
            found[name] = tuple(Endpoint.of(replica) for replica in values.get(name, ()))
        if queue := values.get("queue"):
            found["queue"] = QueueLimits(queue["max_requests"], queue["max_wait_seconds"])
        return EndpointSet(**found)


_SIMPLE: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
}
_RECORDS = {"Endpoint": Endpoint, "QueueLimits": QueueLimits}


def _check(values: object, kind: type[Endpoint | EndpointSet | QueueLimits], name: str) -> None:
    if not isinstance(values, dict):
        raise ValueError(f"{name} is {values!r:.50}, and not an object")
    for field in fields(kind):
        if field.name in values:
            _check_value(values[field.name], str(field.type), f"{field.name} of {name}")
        elif field.default is MISSING:
            raise ValueError(f"{name} has no {field.name}")


def _check_value(value: object, allowed: str, name: str) -> None:
    """Check a value by the type that is written at a field above."""
    if allowed.endswith(" | None"):
        if value is None:
            return
        allowed = allowed.removesuffix(" | None")
    if allowed == "tuple[Endpoint, ...]":
        if not isinstance(value, list):
            raise ValueError(f"{name} is {value!r:.50}, and not a list")
        for each in value:
            _check(each, Endpoint, f"one of {name}")
    elif allowed in _RECORDS:
        _check(value, _RECORDS[allowed], name)
    elif type(value) not in _SIMPLE[allowed]:
        raise ValueError(f"{name} is {value!r:.50}, and not of type {allowed}")
