"""Counters of all processes of the data plane together, also of those that have ended.

Prometheus takes a counter that has become smaller for one that began anew, and adds all of it once
more. A sum over processes becomes smaller when one of several ends: so what it had counted is kept,
and it is on disk before anybody is told of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from lb.reports import ServiceCounters, Services
from skyflow.durable_files import replace_file
from skyflow.records import Record

_KEPT_APART = 8
"""Processes that have ended and are kept apart: one that was only frozen may answer again."""
_EARLIER = ""
"""Stands for all processes before those."""

_log = logging.getLogger(__name__)


class Seen(Record):
    """What was last heard of each process, the latest one last."""

    processes: tuple[Services, ...] = ()

    def after(self, running: Sequence[Services]) -> Seen:
        """Return this and news of the processes that run."""
        served = {service.key for process in running for service in process.services}
        names = {process.process for process in running}
        ended = [process.over(served) for process in self.processes if process.process not in names]
        earlier, apart = ended[:-_KEPT_APART], ended[-_KEPT_APART:]
        joined = (Services(process=_EARLIER, services=merged(earlier)),) if earlier else ()
        return Seen(processes=(*joined, *apart, *running))

    def totals(self) -> tuple[ServiceCounters, ...]:
        """Return the counters of all processes together, by name of the service."""
        return merged(self.processes)


class Totals:
    """The counters of a balancer, through restarts of its processes."""

    def __init__(self, path: Path) -> None:
        """Go on from what an earlier control process left.

        Args:
            path: Where it is kept.
        """
        self._path = path
        self._seen = _load(path)
        self._changing = asyncio.Lock()
        self._failed = False

    async def after(self, running: Sequence[Services]) -> tuple[ServiceCounters, ...]:
        """Return the totals with news of the processes that run."""
        async with self._changing:
            seen = self._seen = self._seen.after(running)
            await asyncio.to_thread(self._save, seen)
            return seen.totals()

    def _save(self, seen: Seen) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._path, seen.model_dump_json().encode())
        except OSError as error:
            if not self._failed:
                _log.error("%s cannot be written: %s", self._path, error)
            self._failed = True
        else:
            self._failed = False


def merged(processes: Sequence[Services]) -> tuple[ServiceCounters, ...]:
    """Return the counters of some processes together, by name of the service.

    One may have heard of a new incarnation before another. Only the newest of a service counts.
    """
    found: dict[tuple[str, str], ServiceCounters] = {}
    for process in processes:
        for service in process.services:
            known = found.get(service.key)
            found[service.key] = known.merged(service) if known else service
    newest = {each.service: each for each in sorted(found.values(), key=_started_at)}
    return tuple(newest[name] for name in sorted(newest))


def _started_at(service: ServiceCounters) -> float:
    return service.started_at


def _load(path: Path) -> Seen:
    try:
        return Seen.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Seen()
    except (OSError, ValidationError) as error:
        _log.error("%s cannot be read, counters begin anew: %s", path, error)
        return Seen()
