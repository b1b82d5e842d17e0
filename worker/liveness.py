"""How a worker shows that it still does something: it hangs up on whoever connects."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

log = logging.getLogger(__name__)


@asynccontextmanager
async def hanging_up(path: Path | None) -> AsyncIterator[None]:
    """Hang up on everybody who connects to a unix socket, if one is named; an old one is replaced.

    A supervisor sees the difference from a process that was stopped or is stuck, which keeps them
    waiting. Without the socket, as on a full disk, the worker works all the same.
    """
    server = await _listen(path) if path else None
    try:
        yield
    finally:
        if server:
            server.close()


async def _listen(path: Path) -> asyncio.Server | None:
    try:
        return await asyncio.start_unix_server(_hang_up, path)
    except OSError as error:
        log.warning("a supervisor cannot tell whether this worker hangs: %s: %s", path, error)
        return None


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
