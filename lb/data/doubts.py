"""Replicas that could not be reached: passed over, asked again, and in the end not trusted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence

from lb.data.moments import Clock, Moment, moment
from lb.data.replicas import Replica

TRUST_SECONDS = 600.0
"""How long after its first failure an address is still taken for that of its replica. Clouds give
addresses of machines that are gone to others; after this time only the control plane knows."""
PROBE_SECONDS = 1.0
"""Time from one attempt to reach a replica to the next."""

_log = logging.getLogger(__name__)


class Doubts:
    """Since when which replicas of a service cannot be reached.

    A replica in doubt gets no requests while another one can be reached. A connection each second
    finds out whether it can be used again, so that no client pays for trying. One that is in doubt
    for too long gets nothing at all until the control plane names its address anew.
    """

    def __init__(
        self,
        service: str,
        changed: Callable[[], None],
        trust_seconds: float = TRUST_SECONDS,
        clock: Clock = moment,
    ) -> None:
        """Begin without any.

        Args:
            service: Name of the service, for the log.
            changed: Called when what should be on disk has changed.
            trust_seconds: How long a doubtful address is still used.
            clock: Tells the time.
        """
        self._service = service
        self._changed = changed
        self._readmitted: Callable[[], None] = lambda: None
        self._trust_seconds = trust_seconds
        self._clock = clock
        self.since: dict[Replica, Moment] = {}
        """The replicas in doubt, each with the time of its first failure."""
        self._probes: dict[Replica, asyncio.Task[None]] = {}

    def __contains__(self, replica: Replica) -> bool:
        return replica in self.since

    def tell(self, readmitted: Callable[[], None]) -> None:
        """Have somebody told when a replica can be reached again."""
        self._readmitted = readmitted

    def preferred(self, candidates: Sequence[Replica]) -> Sequence[Replica]:
        """Return the candidates that can be reached; if there are none, those still trusted.

        The last ones are not passed over: a wrong guess must not make a service unreachable.
        """
        reachable = [replica for replica in candidates if replica not in self.since]
        return reachable or [replica for replica in candidates if self.trusted(replica)]

    def trusted(self, replica: Replica) -> bool:
        """Return whether the replica's address can still be taken for its own."""
        since = self.since.get(replica)
        return since is None or since.age(self._clock()) <= self._trust_seconds

    def unreachable(self, replica: Replica) -> None:
        """Note that a replica could not be reached."""
        if replica not in self.since:
            _log.warning("%s: replica %d cannot be reached", self._service, replica.id)
            self.since[replica] = self._clock()
            self._changed()
        self._probe(replica, PROBE_SECONDS)

    def reached(self, replica: Replica) -> None:
        """Note that a replica accepted a connection; too late if its address is not trusted."""
        if replica in self.since and self.trusted(replica):
            _log.info("%s: replica %d can be reached again", self._service, replica.id)
            self._drop(replica)
            self._changed()
            self._readmitted()

    def suspect(self, replica: Replica) -> None:
        """Pass a replica over until it accepts a connection, which it is asked for at once."""
        if replica not in self.since:
            self.doubt([(replica, self._clock())])

    def doubt(self, found: Iterable[tuple[Replica, Moment]]) -> None:
        """Take over doubts of another time."""
        for replica, since in found:
            self.since[replica] = since
            self._probe(replica)
            self._changed()

    def confirm(self, replicas: Collection[Replica]) -> None:
        """Note that the control plane has just named these replicas, and no others."""
        for replica in [replica for replica in self.since if replica not in replicas]:
            self._drop(replica)
            self._changed()
        for replica in self.since:
            self.since[replica] = self._clock()
            self._probe(replica)
            self._changed()

    def close(self) -> None:
        """Stop asking."""
        for replica in list(self.since):
            self._drop(replica)

    def _drop(self, replica: Replica) -> None:
        del self.since[replica]
        # A probe that brought the news ends by itself.
        probe = self._probes.pop(replica, None)
        if probe and probe is not asyncio.current_task():
            probe.cancel()

    def _probe(self, replica: Replica, delay: float = 0) -> None:
        if replica not in self._probes and self.trusted(replica):
            self._probes[replica] = asyncio.create_task(self._until_reached(replica, delay))

    async def _until_reached(self, replica: Replica, delay: float) -> None:
        loop = asyncio.get_running_loop()
        next_at = loop.time() + delay
        try:
            while self.trusted(replica):
                await asyncio.sleep(next_at - loop.time())
                next_at = loop.time() + PROBE_SECONDS
                if await replica.upstream.accepts():
                    return self.reached(replica)
            _log.error(
                "%s: replica %d could not be reached for %g s: not used until it is named anew",
                self._service,
                replica.id,
                self._trust_seconds,
            )
        finally:
            if self._probes.get(replica) is asyncio.current_task():
                del self._probes[replica]
