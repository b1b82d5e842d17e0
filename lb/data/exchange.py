"""One request and its answer: which replicas are tried, and what reaches the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from lb.data import answers
from lb.data.access_log import AccessLine
from lb.data.attempt import Attempt, BadRequestBody, Broken, Cut, Lost, Silent
from lb.data.exhaustion import Exhausted
from lb.data.redaction import redact
from lb.data.replicas import Replica
from lb.data.request import Request
from lb.data.service import Service
from lb.data.tunnel import tunnel
from lb.data.upstream import NotConnected
from lb.http.bodies import Body, Fed
from lb.http.forwarding import forward_interim, forward_response
from lb.http.heads import ResponseHead

CLIENT_GONE = 499
"""Status that access logs know for a client that went away before it was answered."""
HOLD_LIMIT = 64 * 1024
"""Longest answer in bytes that is held back until it is whole, if its request may be repeated."""
HOLD_SECONDS = 0.1
"""Longest time that such an answer is held back: a slow one passes as it comes."""


class Exchange:
    """A request on its way to the replica that answers it."""

    def __init__(self, request: Request, service: Service, stay_open: bool) -> None:
        self._request = request
        self._service = service
        self._stay_open = stay_open and request.head.keep_alive
        self._client = request.client
        self._at = time.time()
        self._begin = time.monotonic()
        self._tried: list[Replica] = []
        self._stale: Replica | None = None
        self._continued = False
        self._countable = True
        self._status = 0
        self._sent = 0
        self._ending = "gone"
        self._replica: Replica | None = None

    async def run(self) -> bool:
        """Have the request answered.

        Returns:
            Whether the client's connection can take another request.

        Raises:
            ConnectionResetError: The client is gone.
        """
        failure = answers.nothing_ready(self._service.endpoints.service)
        for replica, fresh in self._candidates():
            try:
                with replica.request():
                    return await self._attempt(replica, fresh)
            except NotConnected:
                self._service.unreachable(replica)
                if failure.status == 503:
                    failure = answers.all_refused(self._service.endpoints.service)
            except Exhausted as error:
                # Says nothing of the replica, and the next one may have a connection to spare.
                if failure.status == 503:
                    failure = answers.exhausted(str(error))
            except (Broken, Lost) as error:
                failure = answers.broken(str(error))
                if not self._request.may_repeat(self._service.endpoints.retry):
                    break
            except (Cut, Silent, BadRequestBody) as error:
                return await self._fail(replica, error)
        return await self._answer(failure)

    def line(self) -> AccessLine:
        """Return the line for the access log."""
        return AccessLine(
            at=self._at,
            client=self._client.peer,
            method=self._request.head.method.decode(),
            target=redact(self._request.head.target),
            status=self._status or CLIENT_GONE,
            sent=self._sent,
            replica=self._replica.id if self._replica else None,
            seconds=time.monotonic() - self._begin,
            tries=len(self._tried),
            ending=self._ending,
        )

    def _candidates(self) -> Iterator[tuple[Replica, bool]]:
        fresh = not self._request.may_reuse(self._service.endpoints.retry)
        while (replica := self._service.choose(self._tried)) is not None:
            self._tried.append(replica)
            yield replica, fresh
        # A replica that closed a used connection has most likely never read the request on it. No
        # other is left, and the request may be repeated: it gets one new connection there.
        stale = self._stale
        if stale and self._service.is_ready(stale):
            self._tried.append(stale)
            yield stale, True

    async def _attempt(self, replica: Replica, fresh: bool) -> bool:
        connection = await replica.upstream.connect(fresh)
        if not connection.reused:
            self._service.reached(replica)
        self._replica = replica
        idle = self._service.endpoints.stream_timeout_seconds
        try:
            async with Attempt(self._request, replica, connection, idle) as attempt:
                attempt.send()
                head = await self._final_head(attempt)
                if head.status == 101:
                    return await self._switch(attempt, head)
                return await self._relay(attempt, head)
        except Broken:
            if connection.reused:
                self._stale = replica
            else:
                replica.failures += 1
            raise
        except Lost:
            replica.failures += 1
            raise

    async def _final_head(self, attempt: Attempt) -> ResponseHead:
        while (head := await attempt.head()).status < 200:
            if head.status == 101:
                if self._request.head.upgrade is None:
                    raise Cut("the replica changes the protocol and was not asked to")
                if not self._request.body.done:
                    raise Cut("the replica changes the protocol before the end of the request")
                return head
            if head.status == 100 and self._continued:
                continue
            self._continued = self._continued or head.status == 100
            if self._request.head.minor > 0:
                await self._client.send(forward_interim(head))
        return head

    async def _switch(self, attempt: Attempt, head: ResponseHead) -> bool:
        self._commit(attempt, head)
        attempt.tunnelled()
        await self._client.send(forward_interim(head))
        self._sent = await tunnel(self._client, attempt.upstream)
        self._ending = "complete"
        return False

    async def _relay(self, attempt: Attempt, head: ResponseHead) -> bool:
        body = attempt.body(head)
        held = await self._hold(attempt, body)
        old_client = self._request.head.minor == 0
        self._countable = not body.ends_with_connection and not (body.chunked and old_client)
        # An answer before the end of the request leaves bytes on the way that nobody wants.
        keep = self._stay_open and self._countable and self._request.body.done
        self._commit(attempt, head)
        lines = forward_response(head, body, self._request.head, keep)
        self._sent = sum(len(fed.payload) for fed in held)
        await self._client.send(lines + b"".join(fed.payload for fed in held))
        while fed := await attempt.part(body):
            self._sent += len(fed.payload)
            await self._client.send(fed.payload if old_client else fed.raw)
            attempt.moved()
        attempt.finish(head, body)
        self._ending = "complete"
        return keep

    async def _hold(self, attempt: Attempt, body: Body) -> list[Fed]:
        """Wait a moment for a short answer to be whole: its loss then costs the client nothing."""
        held: list[Fed] = []
        short = body.length is not None and body.length <= HOLD_LIMIT
        if body.done or not short or not self._request.may_repeat(self._service.endpoints.retry):
            return held
        try:
            async with asyncio.timeout(HOLD_SECONDS):
                while fed := await attempt.part(body):
                    held.append(fed)
        except TimeoutError:
            return held
        except Cut as error:
            raise Lost(str(error)) from error
        return held

    def _commit(self, attempt: Attempt, head: ResponseHead) -> None:
        """Note that from now on the client sees this answer and no other."""
        self._status = head.status
        attempt.replica.codes[head.status] += 1

    async def _fail(self, replica: Replica, error: Exception) -> bool:
        if not isinstance(error, BadRequestBody):
            replica.failures += 1
        if self._status:
            self._ending = "cut"
            # A client that does not count would take a mere close for the end of the body.
            self._client.close() if self._countable else self._client.reset()
            return False
        if isinstance(error, BadRequestBody):
            return await self._answer(answers.bad_request(str(error)))
        if isinstance(error, Cut):
            return await self._answer(answers.broken(str(error)))
        seconds = self._service.endpoints.stream_timeout_seconds
        if self._request.body.done:
            return await self._answer(answers.silent(seconds))
        return await self._answer(answers.client_silent(seconds))

    async def _answer(self, answer: answers.Answer) -> bool:
        self._status = answer.status
        self._service.codes[answer.status] += 1
        self._replica = None
        keep = self._stay_open and self._request.body.done
        head = self._request.head
        data = answer.encode(method=head.method, keep_alive=keep, old_client=head.minor == 0)
        await self._client.send(data)
        self._sent = 0 if head.method == b"HEAD" else len(answer.content)
        self._ending = "complete"
        return keep
