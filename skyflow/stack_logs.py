"""The logs of the stack's processes."""

from __future__ import annotations

import os
from pathlib import Path

from skyflow.config import Settings
from skyflow.stack_state import log_path

_LARGEST_LINE = 1000
"""Bytes looked at for each line wanted: enough for nearly every line of a log."""


def log_names(settings: Settings) -> tuple[str, ...]:
    """Return the processes of the stack that have a log."""
    directory = log_path(settings, "any").parent
    return tuple(sorted(path.stem for path in directory.glob("*.log")))


def tail(log: Path, lines: int) -> str:
    """Return the last lines of a log; nothing if there is none."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - lines * _LARGEST_LINE))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
