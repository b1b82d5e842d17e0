"""Replicas that failed too often in a row: passed over for a while, longer each time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from lb.data.replicas import Replica

FAILURES = 5
"""Failures in a row after which a replica is passed over; Envoy's `consecutive_5xx`."""
EJECTION_SECONDS = 30.0
"""How long it is the first time; Envoy's `base_ejection_time`."""
LONGEST_SECONDS = 300.0
"""How long it is at most; Envoy's `max_ejection_time`."""
FORGIVEN_SECONDS = 10.0
"""Time in use after which one earlier ejection counts no more; Envoy's `interval`."""
TOGETHER_SECONDS = 1.0
"""Time in which connections that break count once: a process that dies breaks all of its own."""
GATEWAY_FAILURES = frozenset({502, 503, 504})
"""Statuses by which a replica says that it cannot work; Envoy's gateway failures."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Record:
    """How a replica fared."""

    failures: int = 0
    broke_at: float = float("-inf")
    times: int = 0
    back_at: float = 0.0
    timer: asyncio.TimerHandle | None = None


class Ejections:
    """Which replicas of a service are passed over because of what came of their requests."""

    def __init__(self, service: str, returned: Callable[[Replica], None]) -> None:
        """Begin without any.

        Args:
            service: Name of the service, for the log.
            returned: Called with a replica whose time is over.
        """
        self._service = service
        self._returned = returned
        self.watched: dict[Replica, _Record] = {}
        """Those that failed before, and how they fared."""
        self.ejected: dict[Replica, None] = {}
        """Those that are passed over now."""

    def __contains__(self, replica: Replica) -> bool:
        return replica in self.ejected

    def preferred(self, candidates: Sequence[Replica]) -> Sequence[Replica]:
        """Return the candidates that are not passed over; all of them if there are no others."""
        return [replica for replica in candidates if replica not in self.ejected] or candidates

    def succeeded(self, replica: Replica) -> None:
        """Note an answer that is none of `GATEWAY_FAILURES`."""
        if record := self.watched.get(replica):
            record.failures = 0

    def failed(self, replica: Replica, last: bool) -> bool:
        """Note that a replica answered with a gateway failure, or not in time.

        Args:
            replica: The one.
            last: Whether no other replica can be used, so that this one stays.

        Returns:
            Whether it is passed over because of that.
        """
        return self._count(replica, self.watched.setdefault(replica, _Record()), last)

    def broke(self, replica: Replica, last: bool) -> bool:
        """Note that a connection failed, or broke before an answer; else the same as `failed`."""
        record = self.watched.setdefault(replica, _Record())
        now = _now()
        if now - record.broke_at < TOGETHER_SECONDS:
            return False
        record.broke_at = now
        return self._count(replica, record, last)

    def keep(self, replicas: Collection[Replica]) -> None:
        """Forget all other replicas."""
        for replica in [replica for replica in self.watched if replica not in replicas]:
            record = self.watched.pop(replica)
            self.ejected.pop(replica, None)
            if record.timer:
                record.timer.cancel()

    def _count(self, replica: Replica, record: _Record, last: bool) -> bool:
        record.failures += 1
        if record.failures < FAILURES or last or record.timer is not None:
            return False
        self._eject(replica, record)
        return True

    def _eject(self, replica: Replica, record: _Record) -> None:
        now = _now()
        forgiven = int((now - record.back_at) / FORGIVEN_SECONDS)
        record.times = max(0, record.times - forgiven) + 1
        seconds = min(EJECTION_SECONDS * record.times, LONGEST_SECONDS)
        _log.warning(
            "%s: replica %d failed %d times in a row: passed over for %g s",
            self._service,
            replica.id,
            record.failures,
            seconds,
        )
        self.ejected[replica] = None
        record.timer = asyncio.get_running_loop().call_later(seconds, self._end, replica, record)

    def _end(self, replica: Replica, record: _Record) -> None:
        record.timer = None
        record.failures = 0
        record.back_at = _now()
        del self.ejected[replica]
        self._returned(replica)


def _now() -> float:
    return asyncio.get_running_loop().time()
