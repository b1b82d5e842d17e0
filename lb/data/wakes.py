"""Tells who waits for it that somebody asks a service that has no replica."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

_PAUSE_SECONDS = 1.0
"""Shortest time between two wakes for one service: whoever is woken is busy with the first one."""


def seen(cursor: str, process: str) -> int | None:
    """Return how many wakes of a process are in a cursor (skyflow/load.py); None if it is not."""
    wakes = dict(part.partition(":")[::2] for part in cursor.split(",")).get(process, "")
    return int(wakes) if wakes.isascii() and wakes.isdigit() else None


class Wakes:
    """Counts wakes, so that none is missed between two waits."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def wake(self, not_before: float) -> float:
        """Wake everybody who waits, unless it is too early.

        Args:
            not_before: What this returned the last time for the same service; 0 at first.

        Returns:
            From when on the service may wake anybody again.
        """
        now = time.monotonic()
        if now < not_before:
            return not_before
        self.count += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        return now + _PAUSE_SECONDS

    async def wait(self, seen: int, seconds: float) -> None:
        """Return once there were more wakes than have been seen, or after a number of seconds."""
        if self.count > seen:
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiting
        finally:
            self._waiting.discard(waiting)
