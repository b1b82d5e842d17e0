"""An append-only record of the machines that a cloud made and ended."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from skyflow.records import Record

LedgerEvent = Literal["create", "delete"]


class LedgerEntry(Record):
    """One machine made or ended."""

    at: float
    """Time (Unix, seconds)."""
    event: LedgerEvent
    name: str
    reason: str = ""
    """Why it ended, if nobody asked for it."""


class Ledger:
    """The ledger in a file, one JSON object per line; any number of processes may write it.

    A machine has at most one line of each event. Whoever makes or ends one writes its line before
    anything runs in it, and after nothing does any more. He may do so again after a crash, not
    knowing how far he came.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def created(self, name: str, unless: Callable[[], bool] = lambda: False) -> None:
        """Note that a machine exists from now on, unless that is noted.

        Args:
            name: The machine's name.
            unless: Says that the machine has been told to end. One who ends it says so first and
                calls `deleted` then, so that no line is written that nobody would follow up.

        """
        with self._locked() as file:
            if _line("create", name) not in file.text and not unless():
                file.append("create", name)

    def deleted(self, name: str, reason: str = "") -> None:
        """Note that a machine is no more, unless that is noted or it never was."""
        with self._locked() as file:
            noted = _line("create", name) in file.text
            if noted and _line("delete", name) not in file.text:
                file.append("delete", name, reason)

    def read(self) -> Sequence[LedgerEntry]:
        """Return every line, oldest first; none if there is no ledger yet."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return []
        # What follows the last end of a line is being written, or was when the computer lost power.
        whole = text[: text.rfind(b"\n") + 1]
        return [LedgerEntry.model_validate_json(line) for line in whole.splitlines()]

    def existing(self) -> Sequence[str]:
        """Return the names of machines that were made and not ended, in order of making."""
        names: dict[str, None] = {}
        for entry in self.read():
            if entry.event == "create":
                names[entry.name] = None
            else:
                names.pop(entry.name, None)
        return list(names)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[_LockedFile]:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield _LockedFile(descriptor)
        finally:
            os.close(descriptor)


class _LockedFile:
    """The ledger's file while nobody else writes to it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        size = os.fstat(descriptor).st_size
        self.text = os.pread(descriptor, size, 0)
        self._end = self.text.rfind(b"\n") + 1
        if self._end < size:
            os.ftruncate(descriptor, self._end)

    def append(self, event: LedgerEvent, name: str, reason: str = "") -> None:
        """Add a line, which then is safe on the disk: all of it, or none.

        Raises:
            OSError: The disk is full, or fails.

        """
        fields = {"at": time.time(), "event": event, "name": name}
        line = json.dumps(fields | ({"reason": reason} if reason else {})).encode() + b"\n"
        if os.write(self._descriptor, line) < len(line):
            os.ftruncate(self._descriptor, self._end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._descriptor)


def _line(event: LedgerEvent, name: str) -> bytes:
    """Return what the line of an event contains and no other does."""
    return json.dumps({"event": event, "name": name}).encode()[1:-1]
