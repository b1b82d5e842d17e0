"""The search for a replica that takes a request, and for a connection to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

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


class Asker(Protocol):
    """Whoever a replica is searched for."""

    def ask(self, replica: Replica, connection: Connection) -> None:
        """Send the request to a replica; it counts as in flight there until that is ended."""

    def give_up(self, answer: answers.Answer) -> None:
        """Answer the request without a replica."""


class Search:
    """Tries one replica after the other; each call of `next` finds one at most."""

    failure: answers.Answer | None = None
    """What to answer if no other replica takes the request."""
    _replica: Replica | None = None
    """Who is being connected to."""
    _connecting: asyncio.Task[None] | None = None
    _patience: asyncio.TimerHandle | None = None
    _ticket: Ticket | None = None
    _stale: Replica | None = None
    _fresh = False
    """Whether only a new connection will do."""

    def __init__(
        self,
        asker: Asker,
        request: Request,
        service: Service,
        record: Record,
        time: Callable[[], float],
    ) -> None:
        """Prepare to search.

        Args:
            asker: Told what was found.
            request: What is to be sent.
            service: Whose replicas are tried.
            record: Notes who was.
            time: Tells the time of the event loop, in seconds.
        """
        self.tried: list[Replica] = []
        self._asker = asker
        self._request = request
        self._service = service
        self._record = record
        self._time = time

    @property
    def waits_for_content(self) -> bool:
        """Whether more of the body may lead to a choice."""
        return self._patience is not None

    def begin(self) -> None:
        """Search, now or when as much of the body came as the choice depends on."""
        # Where nobody is ready there is nothing to choose, and whoever is woken sees who waits.
        wanted = self._service.prefix_bytes if self._service.measures.ready else 0
        request = self._request
        if wanted and not request.body.done and len(request.prefix) < wanted:
            if self._patience is None:
                loop = asyncio.get_running_loop()
                self._patience = loop.call_later(PREFIX_SECONDS, self.next)
            return
        self.next()

    def next(self) -> None:
        """Search for a replica that was not tried yet."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        service = self._service
        replica = service.choose(self.tried, self._request)
        if replica is None and self._stale is not None and service.is_ready(self._stale):
            # A replica that closed a used connection has most likely never read the request on it.
            # No other is left, and the request may be repeated: it gets one new connection there.
            self.tried.remove(self._stale)
            self._stale, self._fresh = None, True
            replica = service.choose(self.tried, self._request)
        if replica is not None:
            self._try(replica)
        elif service.may_wait(self.tried):
            self._queue_up()
        else:
            nothing_ready = answers.nothing_ready(service.endpoints.service)
            self._asker.give_up(self.failure or nothing_ready)

    def was_stale(self, replica: Replica) -> None:
        """Note that a used connection broke: the replica may be asked once more on a new one."""
        self._stale = replica
        replica.upstream.broke_when_used()

    def fail(self, failure: answers.Answer) -> answers.Answer:
        """Note what came of a try; return what to answer if there is no other one.

        What became of a request that a replica got says more than a connection that failed.
        """
        if self.failure is None or self.failure.status == 503 or failure.status != 503:
            self.failure = failure
        return self.failure

    def end(self) -> None:
        """Search no more, and forget who asked: they know each other, and would stay in memory."""
        del self._asker
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._ticket is not None:
            self._ticket.leave()
            self._ticket = None
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._replica is not None:
            self._replica.end()
            self._replica = None

    def _try(self, replica: Replica) -> None:
        record, now = self._record, self._time()
        if record.chosen_at is None:
            record.chosen_at = now
        record.tries += 1
        self.tried.append(replica)
        replica.begin()
        if not self._fresh:
            careful = not self._request.may_reuse(self._service.endpoints.retry)
            connection = replica.upstream.take(careful, now)
            if connection is not None:
                self._asker.ask(replica, connection)
                return
        self._replica = replica
        self._connecting = replica.upstream.connect(self._connected)

    def _connected(self, found: Connection | NotConnected | Exhausted) -> None:
        replica = self._replica
        assert replica is not None  # noqa: S101 - set with the attempt to connect
        self._connecting = self._replica = None
        if isinstance(found, Connection):
            self._service.reached(replica)
            self._asker.ask(replica, found)
            return
        if isinstance(found, NotConnected):
            self._service.unreachable(replica)
            self.fail(answers.all_refused(self._service.endpoints.service))
        else:
            # Says nothing of the replica, and the next one may have a connection to spare.
            self.fail(answers.exhausted(str(found)))
        # Only now: the place that comes free is not for those that wait, if nobody is there.
        replica.end()
        self.next()

    def _queue_up(self) -> None:
        if hopeless := self._service.hopeless():
            self._asker.give_up(hopeless)
            return
        length = self._request.body.length
        # What may still come of the body is held as well, as far as it is read.
        held = REPLAY_LIMIT if length is None else min(length, REPLAY_LIMIT)
        found = self._service.admission.enter(held, self._admitted, self.tried)
        if isinstance(found, answers.Answer):
            self._asker.give_up(found)
        else:
            self._ticket = found

    def _admitted(self, answer: answers.Answer | None) -> None:
        self._ticket = None
        if answer is None:
            self.next()
        else:
            self._asker.give_up(answer)
