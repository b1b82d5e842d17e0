"""Clients and replicas that speak raw bytes, so that every byte can be chosen and seen."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Handler = Callable[[StreamReader, StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

HOST = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
"""Where replicas listen whose connections are counted. Nothing else uses this address: a port that
was free may be one that some client of another test still tries to connect to."""


class Replica:
    """A replica whose every connection is handled by a function of the test."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.heads: list[bytes] = []
        self.host = HOST
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def handle(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def replica(handler: Handler, host: str = HOST) -> AsyncIterator[Replica]:
    running = Replica(handler)
    running.host = host
    server = await asyncio.start_server(running.handle, host, 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        await running.stop()
        await server.wait_closed()


def answering(
    answer: bytes | Callable[[bytes], bytes], heads: list[bytes] | None = None, close: bool = False
) -> Handler:
    """Return a handler that answers each head with the same bytes, and keeps the heads."""

    async def handle(reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if heads is not None:
                heads.append(head)
            writer.write(answer(head) if callable(answer) else answer)
            await writer.drain()
            if close:
                return

    return handle


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ask(port: int, data: bytes) -> bytes:
    """Send bytes and return all that comes until the other side ends."""
    async with connection(port) as (reader, writer):
        writer.write(data)
        async with asyncio.timeout(15):
            return await reader.read()


def get(path: str = "/", *lines: str, method: str = "GET", close: bool = True) -> bytes:
    """Return a request without a body."""
    extra = ["Connection: close"] if close else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", *extra, *lines, "", ""]).encode(
        "latin-1"
    )


def without_id(answer: bytes) -> bytes:
    """Return what came without the names of requests, which differ each time."""
    return re.sub(rb"X-Request-ID: [0-9a-f]+-[0-9a-f]+\r\n", b"", answer)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def fields(head: bytes) -> list[bytes]:
    """Return the header lines of a head."""
    return head.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]


def content(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]
