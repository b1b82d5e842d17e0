"""Is told by the processes under test which point they have reached, and strikes at some."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.faults.points import TABLE, Moment
from tests.faults.scenario import Fault, Target

Strike = Callable[[Fault, int], Awaitable[None]]
"""Does what a fault says; takes the process that reached the point."""
_AT_WORK = (Target.SELF, Target.OTHER_WORKER, Target.CONTROL)
"""What carries activities out."""


class Director:
    """Listens on a Unix socket; every process that reaches a point waits for its answer."""

    def __init__(self, path: Path, strike: Strike) -> None:
        self.path = path
        self.reached: Counter[str] = Counter()
        self._strike = strike
        self._armed: list[Fault] = []
        self._unseen: list[Fault] = []
        self._counts: Counter[str] = Counter()
        self._striking: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Director:
        self._server = await asyncio.start_unix_server(self._answer, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._striking:
            task.cancel()
        await asyncio.gather(*self._striking, return_exceptions=True)

    def arm(self, faults: Sequence[Fault]) -> None:
        """Strike with these from now on; how often a point was reached is counted anew."""
        self._armed = list(faults)
        self._unseen = []
        self._counts.clear()

    @property
    def unfired(self) -> Sequence[Fault]:
        """The faults that have not struck yet."""
        return self._armed

    @property
    def missed(self) -> Sequence[Fault]:
        """The faults that have not struck and should have.

        Nobody sees the end of long work once a strike took the process that was at it.
        """
        return [fault for fault in self._armed if fault not in self._unseen]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            if text := await reader.readline():  # empty: it was killed as it was about to say so
                said = json.loads(text)
                await self._consider(said["point"], said["pid"])
                writer.write(b".")
                await writer.drain()
        writer.close()

    async def _consider(self, name: str, pid: int) -> None:
        self.reached[name] += 1
        self._counts[name] += 1
        for fault in tuple(self._armed):
            if _begins(fault) != name or fault.nth != self._counts[name]:
                continue
            if fault.point.moment is Moment.DURING:
                task = asyncio.create_task(self._strike_later(fault, pid))
                self._striking.add(task)
                task.add_done_callback(self._striking.discard)
            else:
                await self._fire(fault, pid)

    async def _strike_later(self, fault: Fault, pid: int) -> None:
        await asyncio.sleep(fault.delay)
        self.reached[fault.point.name] += 1
        await self._fire(fault, pid)

    async def _fire(self, fault: Fault, pid: int) -> None:
        await self._strike(fault, pid)
        self._armed.remove(fault)
        if fault.target in _AT_WORK:
            self._unseen += [other for other in self._armed if _ends_long_work(other)]


def _ends_long_work(fault: Fault) -> bool:
    point = fault.point
    return point.moment is Moment.AFTER and Moment.DURING in TABLE[point.work].moments


def _begins(fault: Fault) -> str:
    point = fault.point
    moment = Moment.BEFORE if point.moment is Moment.DURING else point.moment
    return f"{point.work}/{moment}"
