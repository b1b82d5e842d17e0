"""An append-only record of the machines that a cloud made and ended."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
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
    """The ledger in a file, one JSON object per line; any number of processes may write it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: LedgerEvent, name: str, reason: str = "") -> None:
        """Add a line in a single write, so that lines of several processes never mix."""
        line = {"at": time.time(), "event": event, "name": name}
        text = json.dumps(line | ({"reason": reason} if reason else {})) + "\n"
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)

    def read(self) -> Sequence[LedgerEntry]:
        """Return every line, oldest first; none if there is no ledger yet."""
        try:
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [LedgerEntry.model_validate_json(line) for line in lines]

    def existing(self) -> Sequence[str]:
        """Return the names of machines that were made and not ended, in order of making."""
        names: dict[str, None] = {}
        for entry in self.read():
            if entry.event == "create":
                names[entry.name] = None
            else:
                names.pop(entry.name, None)
        return list(names)
