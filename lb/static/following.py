"""The data plane follows a file: what it says is served, also after it has changed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from lb.control.data_plane import DataPlane, DataPlaneRefusal, DataPlaneUnavailable
from lb.reports import Run
from lb.static.sets import StaticSets
from skyflow.errors import SpecError
from skyflow.spec.static_file import load_static
from skyflow.state import EndpointSet

_LOOK_SECONDS = 0.25
"""Time between two looks at the file: each is one system call."""
_CONFIRM_SECONDS = 30.0
"""Time after which the data plane is told that its sets still hold, so that it goes on to ask
replicas which cannot be reached."""

Say = Callable[[str], None]


class Follower:
    """Keeps a data plane at what a file says."""

    def __init__(self, file: Path, data_plane: DataPlane, say: Say) -> None:
        self._file = file
        self._data_plane = data_plane
        self._say = say
        self._sets = StaticSets()
        self._wanted: tuple[EndpointSet, ...] = ()
        self._seen: tuple[int, ...] | None = None
        self._latest: tuple[int, ...] | None = None
        self._told = ""
        self._run: Run | None = None

    async def begin(self) -> tuple[EndpointSet, ...]:
        """Serve what the file says, and return that.

        Raises:
            SpecError: The file is not valid.
            DataPlaneRefusal: A port cannot be listened on.
            DataPlaneUnavailable: The data plane does not answer.
        """
        self._seen = _signature(self._file)
        self._wanted = await asyncio.to_thread(load_static, self._file)
        wanted = {each.service for each in self._wanted}
        for found in (await self._data_plane.endpoint_sets()).sets:
            if found.service not in wanted:
                # Of an earlier life, whose directory was kept.
                await self._data_plane.apply(found.model_copy(update=_removal(found)))
        await self._apply()
        self._run = await self._data_plane.run()
        return self._sets.in_force

    async def run(self) -> None:
        """Follow the file until cancelled."""
        loop = asyncio.get_running_loop()
        confirmed = loop.time()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._look()
            try:
                await self._apply()
                if loop.time() - confirmed > _CONFIRM_SECONDS or await self._lives_anew():
                    await self._confirm()
                    confirmed = loop.time()
            except (DataPlaneRefusal, DataPlaneUnavailable) as error:
                self._tell(f"{error.message}; tried again")
            else:
                self._told = ""

    async def _look(self) -> None:
        found = _signature(self._file)
        before, self._latest = self._latest, found
        # Not while it is being written.
        if found == self._seen or found != before:
            return
        self._seen = found
        try:
            wanted = await asyncio.to_thread(load_static, self._file)
        except SpecError as error:
            self._say(f"{self._file} is refused, and what was served before still is:\n{error}")
        else:
            self._wanted = wanted

    async def _apply(self) -> None:
        for endpoints in self._sets.changes(self._wanted):
            await self._data_plane.apply(endpoints)
            before = {each.service for each in self._sets.in_force}
            self._sets.applied(endpoints)
            if self._run is not None:
                self._say(described(endpoints, known=endpoints.service in before))

    async def _lives_anew(self) -> bool:
        run = await self._data_plane.run()
        before, self._run = self._run, run
        return run != before

    async def _confirm(self) -> None:
        for endpoints in self._sets.in_force:
            await self._data_plane.apply(endpoints)

    def _tell(self, message: str) -> None:
        """Say what is wrong when it changes, not each time it is found."""
        if message != self._told:
            self._say(message)
        self._told = message


def described(endpoints: EndpointSet, *, known: bool = False) -> str:
    """Return a sentence about a set that is served now, or any more."""
    if endpoints.removed:
        return f"{endpoints.service}: no longer served"
    count = len(endpoints.endpoints)
    what = f"{count} endpoint{'' if count == 1 else 's'}, {endpoints.load_balancing_policy}"
    return f"{endpoints.service}: {'now ' if known else ''}{what}, on port {endpoints.port}"


def listening(sets: Sequence[EndpointSet], host: str) -> str:
    """Return where services are served."""
    shown = f"[{host}]" if ":" in host else host
    return ", ".join(f"{each.service} at http://{shown}:{each.port}" for each in sets)


def _removal(endpoints: EndpointSet) -> dict[str, object]:
    return {"generation": endpoints.generation + 1, "endpoints": (), "removed": True}


def _signature(file: Path) -> tuple[int, ...] | None:
    """Return what differs once a file has been written or replaced; None if it is not there."""
    try:
        # Through links: a mounted configuration is replaced by changing where one leads.
        found = os.stat(file)  # noqa: PTH116
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)
