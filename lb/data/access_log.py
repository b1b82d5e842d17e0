"""Access logs: one line per request, written by another thread, rotated."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from lb.data.endpoints import EndpointSet
from lb.data.log_file import LogFile
from lb.data.log_lines import FORMS
from lb.data.record import Record

_FLUSH_SECONDS = 0.5
_BATCH = 16
"""Requests that become lines at once, as many as are counted at once (measures.py): what is known
of them is in the caches of the processor then."""
_OPEN_FILES = 256
"""Files held open; a line for another service then closes the one that was opened first."""
_LINE_LIMIT = 100_000
"""Lines held when the disk cannot follow; older ones are dropped rather than a request held up."""

_log = logging.getLogger(__name__)


class AccessLogs:
    """The access logs of all services."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ended: list[tuple[EndpointSet, Record]] = []
        self._lines: deque[tuple[Path, str]] = deque(maxlen=_LINE_LIMIT)
        self._files: dict[Path, LogFile] = {}
        self._flushing = asyncio.Lock()
        self._lost = 0

    def path(self, service: str, incarnation: str) -> Path:
        """Return the log of one incarnation of a service."""
        return _path(self._directory, service, incarnation)

    def write(self, endpoints: EndpointSet, record: Record) -> None:
        """Log a request that ended, in the form that its service wants, with the next flush."""
        if endpoints.access_log != "off":
            self._ended.append((endpoints, record))
            if len(self._ended) >= _BATCH:
                self._form_lines()

    async def run(self) -> None:
        """Write lines every moment, until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            try:
                # To its end also when cancelled: a thread that has not begun would never do so.
                await asyncio.shield(self.flush())
            except Exception:
                _log.exception("access logs cannot be written")

    async def flush(self) -> None:
        """Write all lines there are; those that a disk does not take are lost."""
        async with self._flushing:
            self._form_lines()
            lines, self._lines = self._lines, deque(maxlen=_LINE_LIMIT)
            if lines:
                await asyncio.to_thread(self._write, lines)

    async def close(self) -> None:
        """Write what is left and close the files."""
        await self.flush()
        for path in list(self._files):
            await self.release(path)

    async def release(self, path: Path) -> None:
        """Close a file; a line that still comes opens it again."""
        async with self._flushing:
            if file := self._files.pop(path, None):
                file.close()

    def _form_lines(self) -> None:
        """Turn records into text, here: a thread that did would keep the event loop waiting."""
        ended, self._ended = self._ended, []
        wall = time.time() - time.monotonic()
        last: EndpointSet | None = None
        for endpoints, record in ended:
            if endpoints is not last:
                path = self.path(endpoints.service, endpoints.incarnation)
                form, last = FORMS[endpoints.access_log], endpoints
            self._lines.append((path, form(record, wall)))

    def _write(self, lines: deque[tuple[Path, str]]) -> None:
        texts: dict[Path, list[str]] = {}
        for path, line in lines:
            texts.setdefault(path, []).append(line)
        lost, reason = 0, ""
        for path, batch in texts.items():
            try:
                self._file(path).append("".join(batch).encode())
            except OSError as error:
                lost, reason = lost + len(batch), str(error)
                # Opened again for the next lines: the disk may be another one by then.
                if file := self._files.pop(path, None):
                    file.close()
        self._report(lost, reason)

    def _report(self, lost: int, reason: str) -> None:
        """Say once when a disk begins to fail, and once how much was lost when it ends."""
        if lost and not self._lost:
            _log.error("access logs cannot be written, lines are lost for now: %s", reason)
        if self._lost and not lost:
            _log.warning("access logs are written again; %d lines were lost", self._lost)
        self._lost = self._lost + lost if lost else 0

    def _file(self, path: Path) -> LogFile:
        if path not in self._files:
            if len(self._files) >= _OPEN_FILES:
                self._files.pop(next(iter(self._files))).close()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._files[path] = LogFile(path)
        return self._files[path]


@lru_cache(maxsize=256)
def _path(directory: Path, service: str, incarnation: str) -> Path:
    return directory / f"{quote(service, safe='')}.{quote(incarnation, safe='')}.log"
