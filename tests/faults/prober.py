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
    slow: bool = False
    """Whether its replica was told to stop meanwhile: it is to be answered all the same."""


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

    async def ask_slowly(self) -> None:
        """Ask for what takes a replica a while."""
        await self._ask("/slow", slow=True)

    async def _ask(self, path: str, *, slow: bool = False) -> None:
        began = time.time()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                problem = await _get(*self._address, path)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            problem = repr(error)
        if problem:
            self.failures.append(Failure(began, time.time(), f"{path}: {problem}", slow))
        else:
            self.answers.append(began)

    async def _ask_for_ever(self) -> None:
        while True:
            await self._ask("/")
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
    failures: Sequence[Failure],
    serving: Sequence[Serving],
    outages: Sequence[Outage],
    losses: Sequence[float],
) -> Iterator[Failure]:
    """Yield the failures while one replica was ready and the balancer lived.

    Args:
        failures: What was not answered well.
        serving: When replicas served.
        outages: When the balancer did not answer.
        losses: When machines were taken away (Unix, seconds), which ends what is in flight there.

    """
    for failure in failures:
        served = any(s.since <= failure.began and failure.ended <= s.until for s in serving)
        broken = any(failure.began <= lost <= failure.ended for lost in losses)
        out = any(o.since <= failure.ended and failure.began <= o.until for o in outages)
        if not out and (not broken if failure.slow else served):
            yield failure


async def _get(host: str, port: int, path: str) -> str | None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
    return None if answer.startswith(b"HTTP/1.1 200") else repr(answer[:300])
