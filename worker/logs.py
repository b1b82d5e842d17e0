"""Logs of the stack's processes, kept within a size."""

from __future__ import annotations

import shutil
from pathlib import Path

LARGEST_BYTES = 10 * 1024 * 1024
KEPT_FILES = 3
"""Older files beside the one being written: `worker.log.1` is the newest of them."""


def rotate(log: Path, largest_bytes: int = LARGEST_BYTES, kept: int = KEPT_FILES) -> bool:
    """Move a log's content aside if it has grown too large; return whether it had.

    The content is copied and the file emptied in place: its writers hold it open in append mode,
    belong to no living supervisor at times, and so cannot be told to open another.
    """
    try:
        if log.stat().st_size <= largest_bytes:
            return False
    except FileNotFoundError:
        return False
    for number in range(kept - 1, 0, -1):
        older = _numbered(log, number)
        if older.exists():
            older.replace(_numbered(log, number + 1))
    shutil.copyfile(log, _numbered(log, 1))
    with log.open("r+b") as file:
        file.truncate(0)
    return True


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
