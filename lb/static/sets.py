"""Endpoint sets made of a file, each newer than the one before."""

from __future__ import annotations

import time
from collections.abc import Iterable
from uuid import uuid4

from skyflow.state import Endpoint, EndpointSet


class StaticSets:
    """What is served, and the next sets when that changes."""

    def __init__(self) -> None:
        self._incarnation = uuid4().hex[:8]
        self._started_at = time.time()
        self._ids: dict[tuple[str, str], int] = {}
        self._in_force: dict[str, EndpointSet] = {}

    @property
    def in_force(self) -> tuple[EndpointSet, ...]:
        """The sets that were last said to be served."""
        return tuple(self._in_force.values())

    def changes(self, wanted: Iterable[EndpointSet]) -> list[EndpointSet]:
        """Return the sets to apply so that what is wanted is served.

        Those of services that went come first, as their ports may be another's by now.
        """
        stamped = {each.service: self._stamped(each) for each in wanted}
        gone = [
            each.model_copy(
                update={"generation": each.generation + 1, "endpoints": (), "removed": True}
            )
            for name, each in self._in_force.items()
            if name not in stamped
        ]
        return gone + [each for name, each in stamped.items() if each != self._in_force.get(name)]

    def applied(self, endpoints: EndpointSet) -> None:
        """Take note that a set is served."""
        if endpoints.removed:
            self._in_force.pop(endpoints.service, None)
        else:
            self._in_force[endpoints.service] = endpoints

    def _stamped(self, wanted: EndpointSet) -> EndpointSet:
        before = self._in_force.get(wanted.service)
        stamp = {
            "incarnation": self._incarnation,
            "started_at": self._started_at,
            "generation": before.generation if before else int(time.time() * 1000),
            "endpoints": tuple(self._numbered(wanted.service, each) for each in wanted.endpoints),
        }
        same = wanted.model_copy(update=stamp)
        if before is None or same == before:
            return same
        return same.model_copy(update={"generation": before.generation + 1})

    def _numbered(self, service: str, endpoint: Endpoint) -> Endpoint:
        # The same URL is the same replica, wherever it stands in the file.
        number = self._ids.setdefault((service, endpoint.url), len(self._ids) + 1)
        return endpoint.model_copy(update={"replica_id": number})
