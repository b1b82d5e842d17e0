"""The search for a replica that takes a request, and for a connection to it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from lb.data import answers
from lb.data.admission import Ticket
from lb.data.exhaustion import Exhausted
from lb.data.record import Record
from lb.data.replicas import Replica
from lb.data.request import REPLAY_LIMIT, Request
from lb.data.service import Service
from lb.data.upstream import Connection, NotConnected

PREFIX_SECONDS = 0.1
"""Longest wait for the beginning of a body that the choice of a replica depends on."""


class Search(ABC):
    """Tries one replica after the other; each call of `_next` finds one at most."""

    __slots__ = (
        "_connecting",
        "_failure",
        "_fresh",
        "_patience",
        "_replica",
        "_stale",
        "_ticket",
        "_time",
        "_tried",
        "record",
        "request",
        "service",
    )

    def __init__(self, time: Callable[[], float]) -> None:
        """Prepare; nothing is searched for before `_renew`.

        Args:
            time: Tells the time of the event loop, in seconds.
        """
        self._time = time

    def _renew(self, request: Request, service: Service, record: Record) -> None:
        """Begin a search; the one before is over.

        Args:
            request: What is to be sent.
            service: Whose replicas are tried.
            record: Notes who was.
        """
        self.request = request
        self.service = service
        self.record = record
        self._tried: list[Replica] = []
        self._replica: Replica | None = None
        """Who has the request or is being connected to; it is in flight there."""
        self._failure: answers.Answer | None = None
        """What to answer if no other replica takes the request."""
        self._connecting: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._ticket: Ticket | None = None
        self._stale: Replica | None = None
        self._fresh = False
        """Whether only a new connection will do."""

    @abstractmethod
    def ask(self, replica: Replica, connection: Connection, now: float) -> None:
        """Send the request to a replica, at a time of the event loop, in seconds."""

    @abstractmethod
    def give_up(self, answer: answers.Answer) -> None:
        """Answer the request without a replica."""

    @abstractmethod
    def queued(self) -> None:
        """Note that the request waits for a replica."""

    def _begin(self, now: float) -> None:
        """Search, now or when as much of the body came as the choice depends on."""
        # Where nobody is ready there is nothing to choose, and whoever is woken sees who waits.
        wanted = self.service.prefix_bytes if self.service.measures.ready else 0
        request = self.request
        if wanted and not request.body.done and len(request.prefix) < wanted:
            if self._patience is None:
                loop = asyncio.get_running_loop()
                self._patience = loop.call_later(PREFIX_SECONDS, self._go_on)
            return
        self._next(now)

    def _go_on(self) -> None:
        self._next(self._time())

    def _next(self, now: float) -> None:
        """Search for a replica that was not tried yet, at a time of the event loop, in seconds."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        service = self.service
        replica = service.choose(self._tried, self.request)
        if replica is None and self._stale is not None and service.is_ready(self._stale):
            # A replica that closed a used connection has most likely never read the request on it.
            # No other is left, and the request may be repeated: it gets one new connection there.
            self._tried.remove(self._stale)
            self._stale, self._fresh = None, True
            replica = service.choose(self._tried, self.request)
        if replica is not None:
            self._try(replica, now)
        elif service.may_wait(self._tried):
            self._queue_up()
        else:
            nothing_ready = answers.nothing_ready(service.endpoints.service)
            self.give_up(self._failure or nothing_ready)

    def _was_stale(self, replica: Replica) -> None:
        """Note that a used connection broke: the replica may be asked once more on a new one."""
        self._stale = replica
        replica.upstream.broke_when_used()

    def _fail(self, failure: answers.Answer) -> answers.Answer:
        """Note what came of a try; return what to answer if there is no other one.

        What became of a request that a replica got says more than a connection that failed.
        """
        if self._failure is None or self._failure.status == 503 or failure.status != 503:
            self._failure = failure
        return self._failure

    def _stop(self) -> None:
        """Search no more."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._ticket is not None:
            self._ticket.leave()
            self._ticket = None
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None

    def _try(self, replica: Replica, now: float) -> None:
        record = self.record
        if record.chosen_at is None:
            record.chosen_at = now
        record.tries += 1
        self._tried.append(replica)
        replica.begin()
        self._replica = replica
        if not self._fresh:
            careful = not self.request.may_reuse(self.service.endpoints.retry)
            connection = replica.upstream.take(careful, now)
            if connection is not None:
                self.ask(replica, connection, now)
                return
        self._connecting = replica.upstream.connect(self._connected)

    def _connected(self, found: Connection | NotConnected | Exhausted) -> None:
        replica = self._replica
        assert replica is not None  # noqa: S101 - set with the attempt to connect
        self._connecting = None
        if isinstance(found, Connection):
            self.service.reached(replica)
            self.ask(replica, found, self._time())
            return
        self._replica = None
        if isinstance(found, NotConnected):
            self.service.unreachable(replica)
            self._fail(answers.all_refused(self.service.endpoints.service))
        else:
            # Says nothing of the replica, and the next one may have a connection to spare.
            self._fail(answers.exhausted(str(found)))
        # Only now: the place that comes free is not for those that wait, if nobody is there.
        replica.end()
        self._go_on()

    def _queue_up(self) -> None:
        if hopeless := self.service.hopeless():
            self.give_up(hopeless)
            return
        length = self.request.body.length
        # What may still come of the body is held as well, as far as it is read.
        held = REPLAY_LIMIT if length is None else min(length, REPLAY_LIMIT)
        found = self.service.admission.enter(held, self._admitted, self._tried)
        if isinstance(found, answers.Answer):
            self.give_up(found)
        else:
            self._ticket = found
            self.queued()

    def _admitted(self, answer: answers.Answer | None) -> None:
        self._ticket = None
        if answer is None:
            self._go_on()
        else:
            self.give_up(answer)
