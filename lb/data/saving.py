"""What is on disk follows what is in memory, as soon as the disk lets it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from lb.data.endpoint_files import EndpointFiles, Saved

_log = logging.getLogger(__name__)


class Saving:
    """Writes what is served to disk, and remembers what could not be written."""

    def __init__(self, files: EndpointFiles, current: Callable[[str], Saved | None]) -> None:
        """Begin with all written.

        Args:
            files: Where to write.
            current: What there is to say of a service now; None if it is not served.
        """
        self._files = files
        self._current = current
        self._writing = asyncio.Lock()
        self._unsaved: set[str] = set()
        self._reported: set[str] = set()

    def changed(self, service: str) -> None:
        """Note that what is on disk of a service is out of date."""
        self._unsaved.add(service)

    async def save(self, service: str) -> None:
        """Bring the disk up to date with a service; one that fails is reported once."""
        async with self._writing:
            # Taken off before: what changes while this is written is written again.
            self._unsaved.discard(service)
            saved = self._current(service)
            try:
                if saved:
                    await asyncio.to_thread(self._files.save, saved)
                else:
                    await asyncio.to_thread(self._files.remove, service)
            except OSError as error:
                self._unsaved.add(service)
                self._report(service, error)
            else:
                self._reported.discard(service)

    async def save_all(self) -> bool:
        """Write what is not on disk yet; return whether all is."""
        for service in list(self._unsaved):
            await self.save(service)
        return not self._unsaved

    def _report(self, service: str, error: OSError) -> None:
        if service not in self._reported:
            _log.error("the endpoint set of %s is in memory only for now: %s", service, error)
        self._reported.add(service)
