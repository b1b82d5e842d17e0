"""What the data plane does for itself from time to time: what failed is tried again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lb.data.moments import LONG_AGO, Clock, moment
from lb.data.presence import Presence
from lb.data.registry import Registry

_TICK_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 30.0
_PRESENCE_SECONDS = 10.0
"""How exactly the next data plane knows when this one last lived."""

_log = logging.getLogger(__name__)


class Upkeep:
    """Keeps disk, ports and trust as they should be."""

    def __init__(self, registry: Registry, presence: Presence, clock: Clock = moment) -> None:
        self._registry = registry
        self._presence = presence
        self._clock = clock
        self._awake = clock()
        self._noted = LONG_AGO
        self._listen_wait = 0.0
        self._listen_delay = _TICK_SECONDS

    async def run(self) -> None:
        """Go on until cancelled."""
        # Apart, as a disk that hangs must hold up nothing else.
        await asyncio.gather(
            _each_second(self.watch_time), _each_second(self.keep_disk), _each_second(self.listen)
        )

    async def watch_time(self) -> None:
        """Notice that this process, or the whole computer, did not run for long."""
        now = self._clock()
        if self._awake.age(now) > self._registry.trust_seconds:
            self._registry.distrust(self._awake)
        self._awake = now

    async def keep_disk(self) -> None:
        """Write what could not be written, and then that all of it was true until now."""
        saved = await self._registry.save()
        now = self._clock()
        if saved and self._noted.age(now) >= _PRESENCE_SECONDS:
            await asyncio.to_thread(self._presence.note, now)
            self._noted = now

    async def listen(self) -> None:
        """Try ports again that could not be listened on, after ever longer waits."""
        self._listen_wait -= _TICK_SECONDS
        if self._listen_wait > 0:
            return
        if await self._registry.listen():
            self._listen_delay = _TICK_SECONDS
            return
        self._listen_wait = self._listen_delay
        self._listen_delay = min(self._listen_delay * 2, _LONGEST_RETRY_SECONDS)


async def _each_second(action: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await action()
        except Exception:
            _log.exception("what the data plane does for itself failed, and is tried again")
        await asyncio.sleep(_TICK_SECONDS)
