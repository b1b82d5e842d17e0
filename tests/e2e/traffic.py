"""Clients of a service that never stop asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

CLIENTS = 4


@dataclass
class Traffic:
    """What steady clients saw."""

    replicas: list[int] = field(default_factory=list)
    """The replica that gave each answer, in order."""
    errors: list[str] = field(default_factory=list)


@asynccontextmanager
async def steady_gets(endpoint: str) -> AsyncIterator[Traffic]:
    """Ask an endpoint again and again, from several clients at once."""
    traffic, stopped = Traffic(), asyncio.Event()
    clients = [asyncio.create_task(_ask(endpoint, traffic, stopped)) for _ in range(CLIENTS)]
    try:
        yield traffic
    finally:
        stopped.set()
        await asyncio.gather(*clients)


async def _ask(endpoint: str, traffic: Traffic, stopped: asyncio.Event) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        while not stopped.is_set():
            try:
                answer = await client.get(endpoint)
                answer.raise_for_status()
                traffic.replicas.append(answer.json()["replica"])
            except (httpx.HTTPError, ValueError) as error:
                traffic.errors.append(repr(error))
            # Steady rather than as fast as possible: other tests need the processor too.
            await asyncio.sleep(0.01)
