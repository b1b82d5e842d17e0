"""A log file that is rotated, and holds whole lines also when its disk was full for a while."""

from __future__ import annotations

import os
from pathlib import Path

_LARGEST_BYTES = 10 * 1024 * 1024
_KEPT = 3
"""Older files beside the one being written: `NAME.log.1` is the newest of them."""


class LogFile:
    """One log, open for writing."""

    def __init__(self, path: Path) -> None:
        """Open it, at its end.

        Raises:
            OSError: It cannot be opened.
        """
        self._path = path
        self._handle = _open(path)
        self._size = os.fstat(self._handle).st_size

    def append(self, lines: bytes) -> None:
        """Write whole lines, or nothing of them.

        Raises:
            OSError: The disk is full or broken.
        """
        if self._size and self._size + len(lines) > _LARGEST_BYTES:
            self._rotate()
        written = 0
        try:
            while written < len(lines):
                written += os.write(self._handle, lines[written:])
        except OSError:
            if written:
                os.ftruncate(self._handle, self._size)
            raise
        self._size += written

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _rotate(self) -> None:
        for number in range(_KEPT - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        handle = _open(self._path)
        os.close(self._handle)
        self._handle, self._size = handle, 0

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
