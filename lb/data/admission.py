"""Where requests wait while no replica can take them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from lb.data.answers import Answer
from lb.data.drain_rate import DrainRate
from lb.data.endpoints import QueueLimits
from lb.data.replicas import Replica

BYTES_LIMIT = 64 * 1024 * 1024
"""Most bytes that the waiting requests of a service hold: as many as 1,000 with bodies that are
kept as a whole."""

Resume = Callable[[Answer | None], None]
"""Told None when the request can go on, else what it is answered with."""
Room = Callable[[Collection[Replica]], bool]
"""Tells whether a replica can take a request that was at these before."""
Refusal = Callable[[float | None], Answer]
"""Returns the answer for a request that cannot wait (longer); told in how many seconds those that
wait now will have gone on, None if nobody can tell."""


class Ticket:
    """A request's place in the queue."""

    __slots__ = ("_queue", "resume", "since", "size", "tried")

    def __init__(
        self, queue: Admission, size: int, resume: Resume, tried: Collection[Replica], since: float
    ) -> None:
        self._queue = queue
        self.size = size
        self.resume = resume
        self.tried = tried
        self.since = since

    def leave(self) -> None:
        """Give up the place; nothing happens if the request has gone on already."""
        self._queue.leave(self)


class Admission:
    """A queue, first come, first served, bounded in number, bytes and time.

    It holds no task for a request: each is told by a callback. A request waits while there is no
    room for it, so whoever makes room must say so at once.
    """

    def __init__(
        self, room: Room, refusal: Refusal, clock: Callable[[], float] | None = None
    ) -> None:
        """Begin without anybody.

        Args:
            room: Tells whether a request can go on.
            refusal: Returns the answer for one that cannot wait (longer).
            clock: Tells the time in seconds; that of the event loop if there is none.
        """
        self._now = clock or _loop_time
        self.bytes = 0
        """What those that wait hold."""
        self._limits: QueueLimits | None = None
        self._room = room
        self._refusal = refusal
        self._waiting: dict[Ticket, None] = {}
        self._rate = DrainRate()
        self._timer: asyncio.TimerHandle | None = None
        self._waking = False

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    @property
    def longest_wait(self) -> float:
        """How long, in seconds, the one that has waited longest waits now."""
        return self._now() - next(iter(self._waiting)).since if self._waiting else 0.0

    def bound(self, limits: QueueLimits | None) -> None:
        """Set how many wait, and how long; None if nobody may. Those that wait keep their places.

        Nobody waits before this was called.
        """
        self._limits = limits
        self._rest()
        self._watch()

    def enter(self, size: int, resume: Resume, tried: Collection[Replica] = ()) -> Ticket | Answer:
        """Have a request wait its turn.

        Args:
            size: Bytes that are held for it.
            resume: Called once, when it can go on or has waited for too long.
            tried: Replicas that it was sent to before.

        Returns:
            Its place, or the answer if there is none left.
        """
        limits = self._limits
        if limits is None or len(self._waiting) >= limits.max_requests:
            return self._refused()
        if self.bytes + size > BYTES_LIMIT:
            return self._refused()
        ticket = Ticket(self, size, resume, tried, self._now())
        self._waiting[ticket] = None
        self.bytes += size
        self._watch()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Free a place."""
        if ticket in self._waiting:
            del self._waiting[ticket]
            self.bytes -= ticket.size

    def freed(self) -> None:
        """Note that a replica that was full can take one request more."""
        self._rate.freed(self._now())
        self.wake()

    def wake(self) -> None:
        """Let requests go on for as long as there is room for one."""
        if self._waking or not self._waiting:
            return
        # A request that goes on may end at once and make room: the outer round sees to that.
        self._waking = True
        try:
            while (ticket := self._next()) is not None:
                self.leave(ticket)
                ticket.resume(None)
        finally:
            self._waking = False

    def close(self, answer: Answer) -> None:
        """Answer all that wait."""
        self._rest()
        for ticket in list(self._waiting):
            self._answer(ticket, answer)

    def _next(self) -> Ticket | None:
        if not self._waiting or not self._room(()):
            return None
        return next((ticket for ticket in self._waiting if self._room(ticket.tried)), None)

    def _refused(self) -> Answer:
        return self._refusal(self._rate.seconds(len(self._waiting) + 1, self._now()))

    def _watch(self) -> None:
        """See to it that the oldest is answered in time: those behind it have longer."""
        if self._timer or not self._waiting:
            return
        due = next(iter(self._waiting)).since + self._longest
        self._timer = asyncio.get_running_loop().call_at(due, self._expire)

    def _expire(self) -> None:
        self._timer = None
        oldest = self._now() - self._longest
        for ticket in [ticket for ticket in self._waiting if ticket.since <= oldest]:
            self._answer(ticket, self._refused())
        self._watch()

    def _answer(self, ticket: Ticket, answer: Answer) -> None:
        # The end of one request may be the end of others, such as those of one client.
        if ticket in self._waiting:
            self.leave(ticket)
            ticket.resume(answer)

    def _rest(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    @property
    def _longest(self) -> float:
        return self._limits.max_wait_seconds if self._limits else 0.0


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
