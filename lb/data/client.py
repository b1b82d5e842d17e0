"""One client's connection: its requests, one after the other."""

from __future__ import annotations

import asyncio
import errno
import math
import os
from typing import Protocol

from lb.data import answers
from lb.data.departures import Departures, HeldStream
from lb.data.exchange import Exchange
from lb.data.record import unreadable
from lb.data.request import Request
from lb.data.service import Service
from lb.data.tunnel import Tunnel
from lb.http.heads import BadHead, find_end, parse_request, skip_empty_lines
from lb.http.stream import HIGH_WATER

HEAD_SECONDS = 15.0
"""Time for a head to come, from its first byte."""
IDLE_SECONDS = 75.0
"""Time without a request after which a connection is closed; as long as nginx waits."""
_DISCARD_SECONDS = 5.0
"""Time in which what a client still sends is read and thrown away, so that it sees the answer."""
_TURN_AWAY_SECONDS = 1.0
"""Time for a client that there is no room for to say something, and so to be answered."""


class Home(Protocol):
    """What a connection must know of the listener it came through."""

    closing: bool
    """Whether connections end before their next request."""
    keep_alive: bool
    """Whether connections may go on after the request that they are at."""
    departures: Departures

    @property
    def service(self) -> Service:
        """The service that is served now."""

    def came(self, client: Client) -> None:
        """Take a new connection in, or turn it away."""

    def went(self, client: Client) -> None:
        """Note that a connection is gone."""


class Client(HeldStream):
    """A connection from a client."""

    __slots__ = (
        "_buffer",
        "_deadline",
        "_discarding",
        "_exchange",
        "_finished",
        "_home",
        "_last_exchange",
        "_last_head",
        "_loop",
        "_request",
        "_seen",
        "_serving",
        "_time",
        "_timer",
        "_turned_away",
        "address",
        "armed_for",
    )

    def __init__(self, home: Home) -> None:
        super().__init__(home.departures)
        self._home = home
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._exchange: Exchange | Tunnel | None = None
        self._last_exchange: Exchange | None = None
        """That of the request before, which the next one can use."""
        self._buffer = b""
        """What came and was not looked at yet: a head that is not whole, or requests to come."""
        self._seen = 0
        self._last_head = b""
        self._request: Request | None = None
        """What the last head says: most clients send the same one again and again."""
        self._serving = False
        self._discarding = False
        self._turned_away = False
        self._deadline = 0.0
        self.armed_for = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._finished: asyncio.Future[None] | None = None
        self.address = b""

    # What the listener calls

    @property
    def idle(self) -> bool:
        """Whether no request is there or on its way to a replica."""
        return self._exchange is None and not self._buffer

    def turn_away(self) -> None:
        """Tell the client, once it has said something, that there is no room for it."""
        # What was sent and not read would reset the connection, and cost it the answer.
        self._turned_away = True
        self._wait(_TURN_AWAY_SECONDS)

    async def finished(self) -> None:
        """Wait until the connection has ended."""
        if self.lost:
            return
        if self._finished is None:
            self._finished = self._loop.create_future()
        # Shared by all who wait, of whom one may be cancelled.
        await asyncio.shield(self._finished)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self.address = self.peer.encode()
        self._wait(IDLE_SECONDS)
        self._home.came(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the request under way, or of those that follow."""
        exchange = self._exchange
        if exchange is not None and exchange.uploading:
            self._buffer = exchange.from_client(data)
        elif self._discarding:
            return
        else:
            self._buffer = self._buffer + data if self._buffer else data
            self._go_on()

    def eof_received(self) -> bool:
        """Pass an end on within a tunnel; elsewhere, take it for the wish to be left alone."""
        self.ended = True
        if self._exchange is not None and self._exchange.client_ended():
            return True
        if self._discarding:
            self.close()
        else:
            self.abort()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Have the replica told at once."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()
        exchange, self._exchange = self._exchange, None
        # It knows this connection, and both would stay until unused objects are looked for.
        self._last_exchange = None
        if exchange is not None:
            exchange.client_gone()
        if self._finished is not None:
            self._finished.set_result(None)
        self._home.went(self)

    def pause_writing(self) -> None:
        """Make the replica wait."""
        self.blocked = True
        if self._exchange is not None:
            self._exchange.client_reads(False)

    def resume_writing(self) -> None:
        """Let the replica go on."""
        self.blocked = False
        if self._exchange is not None:
            self._exchange.client_reads(True)

    # What the exchange calls

    def watch(self, deadline: float) -> None:
        """Look whether something is due when this time (of the event loop, in seconds) has come."""
        if self._timer is not None:
            # A timer that goes off too early is set anew then: nearly all deadlines are moved on
            # before they come, and each would cost a timer.
            if self.armed_for <= deadline:
                return
            self._timer.cancel()
        self.armed_for = deadline
        self._timer = self._loop.call_at(deadline, self._look)

    def switched(self, tunnel: Tunnel) -> None:
        """Have a tunnel in the place of the exchange, and what came after the request in it."""
        self._exchange = tunnel
        early, self._buffer = self._buffer, b""
        if early:
            tunnel.from_client(early)

    def answered(self, keep: bool, now: float) -> None:
        """Go on with the next request, or end."""
        self._exchange = None
        if not keep or self._home.closing:
            self._finish()
            return
        self._deadline = now + IDLE_SECONDS
        if self.armed_for > self._deadline:
            self.watch(self._deadline)
        if self.paused:
            self.resume()
        if self._buffer and not self._serving:
            self._go_on()

    # Requests, one after the other

    def _go_on(self) -> None:
        self._serving = True
        while self._buffer and self._exchange is None and not self._discarding:
            try:
                request = self._cut_head()
                if request is None:
                    break
                data, self._buffer = self._buffer, b""
                rest = self._serve(request, data)
                if not self._discarding:
                    self._buffer = rest
            except BadHead as error:
                self._refuse(error)
        self._serving = False
        if len(self._buffer) > HIGH_WATER:
            self.pause()

    def _cut_head(self) -> Request | None:
        if self._turned_away:
            self._say_no_room()
            return None
        data, known, request = self._buffer, self._last_head, self._request
        if request is not None:
            rest = data.removeprefix(known)
            if len(rest) != len(data):
                self._buffer, self._seen = rest, 0
                request.renew()
                return request
        if data[:1] == b"\r":
            data, self._seen = skip_empty_lines(data), 0
        end = find_end(data, self._seen)
        if end < 0:
            if not self._seen:
                self._wait(HEAD_SECONDS)
            self._buffer, self._seen = data, len(data)
            return None
        self._buffer, self._seen = data[end:], 0
        self._last_head = data[:end]
        self._request = None
        self._request = Request(parse_request(data[:end]))
        return self._request

    def _serve(self, request: Request, data: bytes) -> bytes:
        home = self._home
        exchange = self._last_exchange
        if exchange is None:
            self._last_exchange = exchange = Exchange(self, self, self._time)
        self._exchange = exchange
        return exchange.begin(request, home.service, home.keep_alive, data)

    def _refuse(self, error: BadHead) -> None:
        answer = answers.bad_request(str(error), error.status)
        record = unreadable(self.address, answer.status, len(answer.content))
        self._home.service.refused(record)
        self.write(answer.encode(method=b"GET", keep_alive=False))
        self._finish()

    def _say_no_room(self) -> None:
        answer = answers.exhausted(os.strerror(errno.EMFILE))
        self.write(answer.encode(method=b"GET", keep_alive=False))
        self._discarding = True
        self.close()

    def _finish(self) -> None:
        """Close in a way that lets the last answer arrive although the client still sends."""
        self._discarding = True
        self._buffer = b""
        self.end()
        self.resume()
        self._wait(_DISCARD_SECONDS)

    # Time

    def _wait(self, seconds: float) -> None:
        self._deadline = self._loop.time() + seconds
        self.watch(self._deadline)

    def _look(self) -> None:
        self._timer = None
        self.armed_for = math.inf
        deadline = self._deadline if self._exchange is None else self._exchange.due
        if deadline > self._loop.time():
            if deadline != math.inf:
                self.watch(deadline)
        elif self._exchange is not None:
            self._exchange.silent()
        elif self._turned_away and not self._discarding:
            self._say_no_room()
        elif self._buffer and not self._discarding:
            self._refuse(BadHead(f"the head did not come within {HEAD_SECONDS:g} s", 408))
        elif self._discarding:
            self.close()
        else:
            self.abort()
