"""A client that never stops asking, and says when it got no good answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PAUSE_SECONDS = 0.05
ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Failure:
    """A request that was not answered well. Times are Unix times in seconds."""

    began: float
    ended: float
    what: str


class Prober:
    """Asks an endpoint again and again."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self.answers: list[float] = []
        """When each request began that was answered well."""
        self.failures: list[Failure] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._ask_for_ever())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def ask(self, path: str = "/") -> None:
        """Ask once."""
        began = time.time()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                problem = await _get(*self._address, path)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            problem = repr(error)
        if problem:
            self.failures.append(Failure(began, time.time(), f"{path}: {problem}"))
        else:
            self.answers.append(began)

    async def _ask_for_ever(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(PAUSE_SECONDS)


@dataclass(frozen=True)
class Serving:
    """From when until when a replica was there and the balancer knew of it."""

    replica_id: int
    since: float
    until: float


@dataclass(frozen=True)
class Outage:
    """From when until when the balancer itself did not answer."""

    since: float
    until: float


def inexcusable(
    failures: Sequence[Failure], serving: Sequence[Serving], outages: Sequence[Outage]
) -> Iterator[Failure]:
    """Yield the failures while one replica was ready and the balancer lived."""
    for failure in failures:
        served = any(s.since <= failure.began and failure.ended <= s.until for s in serving)
        out = any(o.since <= failure.ended and failure.began <= o.until for o in outages)
        if served and not out:
            yield failure


async def _get(host: str, port: int, path: str) -> str | None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
    return None if answer.startswith(b"HTTP/1.1 200") else repr(answer[:300])
