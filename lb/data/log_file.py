"""A log file that several processes write and rotate, of whole lines also after a full disk."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
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

    def append(self, lines: bytes) -> None:
        """Write whole lines, or nothing of them.

        Raises:
            OSError: The disk is full or broken.
        """
        with self._locked() as size:
            if size and size + len(lines) > _LARGEST_BYTES:
                self._rotate()
                size = 0
            written = 0
            try:
                while written < len(lines):
                    written += os.write(self._handle, lines[written:])
            except OSError:
                if written:
                    os.ftruncate(self._handle, size)
                raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold other writers off, and yield the size of the file."""
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        while not self._is_current():
            # Another process has rotated it, or somebody removed it.
            self._replace_handle()
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            yield os.fstat(self._handle).st_size
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._handle), self._path.stat())
        except FileNotFoundError:
            return False

    def _replace_handle(self) -> None:
        handle = _open(self._path)
        os.close(self._handle)
        self._handle = handle

    def _rotate(self) -> None:
        for number in range(_KEPT - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._replace_handle()
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
