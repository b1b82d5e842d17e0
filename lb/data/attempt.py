"""One attempt to have a request answered by one replica."""

from __future__ import annotations

import asyncio

from lb.data.replicas import Replica
from lb.data.request import Request
from lb.data.upstream import Connection
from lb.http.bodies import BadFraming, Body, Fed, response_body
from lb.http.forwarding import forward_request
from lb.http.heads import BadHead, ResponseHead, parse_response
from lb.http.stream import Stream, read_head


class Broken(Exception):
    """The connection broke before a single byte of an answer came."""


class Lost(Exception):
    """The answer was cut, and the client has seen nothing of it yet."""


class Cut(Exception):
    """The answer did not come to its end, or is not valid HTTP."""


class Silent(Exception):
    """Nothing moved for too long."""


class BadRequestBody(Exception):
    """The client's body turned out not to be valid."""


class Attempt:
    """A request under way to a replica; a context manager that ends whatever is left of it."""

    def __init__(
        self, request: Request, replica: Replica, connection: Connection, idle_seconds: float
    ) -> None:
        self.upstream: Stream = connection.stream
        self._request = request
        self.replica = replica
        self._received = self.upstream.received
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._moved = self._loop.time()
        self._silent = False
        self._kept = False
        self._bad_body: BadFraming | None = None
        self._upload: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Attempt:
        self._watch = self._loop.call_later(self._idle_seconds, self._look)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.tunnelled()
        if self._upload:
            self._upload.cancel()
            # Another attempt reads the rest of the body: this one must have let go of it.
            await asyncio.gather(self._upload, return_exceptions=True)
        if not self._kept:
            self.upstream.abort()

    def send(self) -> None:
        """Send the head and what is known of the body, and go on with the rest as it comes.

        Raises:
            Broken: The connection is gone already.
        """
        request = self._request
        client = request.client.peer.encode()
        head = forward_request(request.head, request.body, client, self.replica.authority)
        try:
            self.upstream.write(head + request.sent)
        except ConnectionResetError as error:
            raise Broken(str(error)) from error
        if not request.body.done:
            self._upload = asyncio.create_task(self._send_body())

    async def head(self) -> ResponseHead:
        """Wait for the next head, which may be an interim one.

        Raises:
            Broken: No byte of an answer came.
            Cut: The head is incomplete or not valid.
            Silent: Nothing moved for too long.
            BadRequestBody: The client's body is not valid.
        """
        try:
            data = await read_head(self.upstream)
        except (ConnectionResetError, BadHead) as error:
            raise self._reason(str(error)) from error
        if data is None:
            raise self._reason("the replica closed the connection")
        self.moved()
        try:
            return parse_response(data)
        except BadHead as error:
            raise Cut(str(error)) from error

    def body(self, head: ResponseHead) -> Body:
        """Return the body of a final answer.

        Raises:
            Cut: Its framing is not valid.
        """
        try:
            return response_body(self._request.head.method, head)
        except BadHead as error:
            raise Cut(str(error)) from error

    async def part(self, body: Body) -> Fed | None:
        """Wait for the next bytes of the body; None at its end.

        Raises:
            Cut: It ended too early, or is not valid.
            Silent: Nothing moved for too long.
            BadRequestBody: The client's body is not valid.
        """
        if body.done:
            return None
        try:
            data = await self.upstream.receive()
            fed = body.feed(data)
        except (ConnectionResetError, BadFraming) as error:
            raise self._reason(str(error)) from error
        if not data and body.ends_with_connection:
            return None
        if not data:
            raise self._reason("the replica closed the connection within an answer")
        self.moved()
        self.upstream.unread(fed.rest)
        return fed

    def finish(self, head: ResponseHead, body: Body) -> None:
        """Keep the connection for another request if it can take one."""
        complete = body.done and self._request.body.done and not self._upload_running
        if complete and head.keep_alive:
            self.replica.upstream.give_back(self.upstream)
            self._kept = True

    def moved(self) -> None:
        """Note that bytes moved."""
        self._moved = self._loop.time()

    def tunnelled(self) -> None:
        """Stop watching for silence."""
        if self._watch:
            self._watch.cancel()

    @property
    def _upload_running(self) -> bool:
        return self._upload is not None and not self._upload.done()

    async def _send_body(self) -> None:
        try:
            await self.upstream.flushed()
            while part := await self._request.read():
                await self.upstream.send(part)
                self.moved()
        except BadFraming as error:
            self._bad_body = error
            self.upstream.abort()
        except ConnectionResetError:
            # The replica may have answered before it stopped reading; whoever reads will see.
            return

    def _look(self) -> None:
        left = self._moved + self._idle_seconds - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
            return
        self._silent = True
        self.upstream.abort()
        if self._request.client.blocked:
            # It is the client that stopped reading, and nobody waits on the replica.
            self._request.client.abort()

    def _reason(self, message: str) -> Exception:
        if self._bad_body:
            return BadRequestBody(str(self._bad_body))
        if self._silent:
            return Silent(message)
        if self.upstream.received == self._received:
            return Broken(message)
        return Cut(message)
