"""What the data plane serves, as plain data.

The records of skyflow/state.py say the same with checks and a schema, and take longer to load than
all the rest of the data plane. One that was killed must serve again at once; so it reads them only
when it is told of a new set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One replica that requests may be sent to."""

    replica_id: int
    url: str


@dataclass(frozen=True, slots=True)
class EndpointSet:
    """Everything there is to know of one service; `skyflow.state.EndpointSet` explains it."""

    service: str
    incarnation: str
    started_at: float
    generation: int
    port: int
    load_balancing_policy: str = "least_load"
    retry: str = "safe"
    stream_timeout_seconds: float = 120
    endpoints: tuple[Endpoint, ...] = ()
    draining: tuple[Endpoint, ...] = ()
    removed: bool = False

    @property
    def order(self) -> tuple[float, int]:
        """What two sets of one service are compared by: the greater one is newer."""
        return (self.started_at, self.generation)

    @staticmethod
    def of(values: Mapping[str, Any]) -> EndpointSet:
        """Return the set with these values; others than its fields are ignored.

        Raises:
            KeyError, TypeError: A value is missing, or the values are not those of a set.
        """
        known = {field.name for field in fields(EndpointSet)} & set(values)
        found = {name: values[name] for name in known}
        for name in ("endpoints", "draining"):
            found[name] = tuple(
                Endpoint(replica["replica_id"], replica["url"]) for replica in values.get(name, ())
            )
        return EndpointSet(**found)
