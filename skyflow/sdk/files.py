"""Log files on this computer, also while they grow and are rotated."""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from skyflow.config import Settings

LOOK_SECONDS = 0.25
"""Time between two looks at a file that is being followed, in seconds."""

_OLDEST_KEPT = 9
"""No rotation of ours keeps more files than `.9`."""


def access_log(settings: Settings, service: str, incarnation: str) -> Path:
    """Return the balancer's log of the requests to a service."""
    name = f"{quote(service, safe='')}.{quote(incarnation, safe='')}.log"
    return settings.balancer / "access" / name


def access_logs(settings: Settings, service: str) -> list[Path]:
    """Return every log of requests to services of a name, and what was rotated out of them."""
    form = re.compile(re.escape(quote(service, safe="")) + r"\.[0-9a-f]{8}\.log(\.\d+)?")
    directory = access_log(settings, service, "").parent
    found = directory.iterdir() if directory.is_dir() else ()
    return [path for path in found if form.fullmatch(path.name)]


def rotated(path: Path) -> list[Path]:
    """Return what was rotated out of a log, the oldest first."""
    older = (path.with_name(f"{path.name}.{n}") for n in range(_OLDEST_KEPT, 0, -1))
    return [file for file in older if file.is_file()]


async def file_lines(
    path: Path, *, tail: int | None = None, ended: asyncio.Event | None = None
) -> AsyncIterator[str]:
    """Yield the lines of a log and of what was rotated out of it.

    Args:
        path: The file being written; it need not exist yet.
        tail: Begin with this many lines; with all of them if None.
        ended: Go on with what is written until this is set; if None, stop at what there is.

    """
    lines: deque[str] = deque(maxlen=tail)
    for older in rotated(path):
        with older.open("rb") as file:
            lines.extend(_whole_lines(file, at_end=True))
    # Kept open, so that nothing is lost if it is rotated while its lines are being printed.
    opened = _open(path)
    try:
        if opened is not None:
            lines.extend(_whole_lines(opened, at_end=ended is None))
        for line in lines:
            yield line
        while ended is not None:
            last_look = ended.is_set()
            opened = opened or _open(path)
            # Asked before it is read to its end: nothing is written to it after it was renamed.
            replaced = opened is not None and _replaced(path, opened)
            for line in _whole_lines(opened, at_end=last_look or replaced) if opened else ():
                yield line
            if opened is not None and replaced:
                opened.close()
                opened = None
            elif last_look:
                return
            else:
                await asyncio.sleep(LOOK_SECONDS)
    finally:
        if opened is not None:
            opened.close()


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _whole_lines(opened: BinaryIO, *, at_end: bool) -> list[str]:
    """Read on; a line without its end is left for the next time, unless there is none."""
    lines = []
    while line := opened.readline():
        if not line.endswith(b"\n") and not at_end:
            opened.seek(-len(line), 1)
            break
        lines.append(line.rstrip(b"\r\n").decode(errors="replace"))
    return lines


def _replaced(path: Path, opened: BinaryIO) -> bool:
    """Return whether another file took the place of one; begin anew in one that was emptied."""
    known = os.fstat(opened.fileno())
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    if (now.st_dev, now.st_ino) != (known.st_dev, known.st_ino):
        return True
    if now.st_size < opened.tell():
        opened.seek(0)
    return False
