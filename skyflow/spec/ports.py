"""Ports that a service listens on, and the one that the balancer uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from skyflow.spec.document import KeyPath
from skyflow.spec.faults import Fault, refused

DEFAULT_PORT = 8080
"""Port of a service that names none."""
MAX_ENTRIES = 100
"""Most entries of `resources.ports`."""

PortList: TypeAlias = tuple[str, ...]
"""Ports such as `8080` and ranges such as `8000-8010`."""

_ENTRY = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_WHAT = "a port from 1 to 65535, or a range such as 8000-8010"


def read_ports(value: Any) -> PortList:
    """Return any form of `resources.ports` as a tuple of ports and ranges."""
    entries = value if isinstance(value, list | tuple) else [value]
    faults: list[Fault] = []
    if not 1 <= len(entries) <= MAX_ENTRIES:
        faults.append(Fault(f"found {len(entries)} entries; allowed: 1 to {MAX_ENTRIES}"))
    for at, entry in enumerate(entries):
        path: KeyPath = (at,) if isinstance(value, list | tuple) else ()
        if _bounds(entry) is None:
            faults.append(Fault(_WHAT, path, shows_found=True))
    if faults:
        raise refused(faults)
    return tuple(str(entry) for entry in entries)


Ports: TypeAlias = Annotated[
    PortList,
    BeforeValidator(read_ports, json_schema_input_type=int | str | list[int | str]),
]
"""Ports in any form."""


def choose_main_port(wanted: int | None, candidates: Iterable[PortList | None]) -> int:
    """Return the port that the balancer sends requests to.

    Args:
        wanted: `service.ports`.
        candidates: `resources.ports` of each set of resources that would do.

    Raises:
        PydanticCustomError: The port is not among those of a candidate, or none is named and the
            candidates do not agree on exactly one.

    """
    lists = [_ranges(ports) for ports in candidates]
    if wanted is not None:
        if not all(_holds(ranges, wanted) for ranges in lists if ranges):
            message = f"found {wanted}; allowed: one of resources.ports"
            raise refused([Fault(message, ("ports",))])
        return wanted
    ports = {_single(ranges) for ranges in lists}
    port = ports.pop() if len(ports) == 1 else None
    if port is None:
        message = "does not say which of resources.ports the balancer uses; add `ports: PORT`"
        raise refused([Fault(message)])
    return port


def _bounds(entry: Any) -> tuple[int, int] | None:
    if isinstance(entry, bool) or not isinstance(entry, int | str):
        return None
    match = _ENTRY.fullmatch(str(entry))
    if match is None:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    return (first, last) if 1 <= first <= last <= 65535 else None


def _ranges(ports: PortList | None) -> list[tuple[int, int]]:
    return [bounds for entry in ports or () if (bounds := _bounds(entry)) is not None]


def _holds(ranges: Sequence[tuple[int, int]], port: int) -> bool:
    return any(first <= port <= last for first, last in ranges)


def _single(ranges: Sequence[tuple[int, int]]) -> int | None:
    if not ranges:
        return DEFAULT_PORT
    first, last = ranges[0]
    if all(bounds == (first, first) for bounds in ranges) and first == last:
        return first
    return None
