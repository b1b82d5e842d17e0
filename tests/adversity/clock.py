"""Processes whose clock is wrong."""

from __future__ import annotations

import json
from pathlib import Path

_SITE = '''\
"""Sets the clock of this process wrong, as {wrong} says for its command line."""

import json
import sys
import time

def _wrong_by():
    try:
        with open({wrong!r}) as file:
            known = json.load(file)
    except OSError:
        return 0
    words = " ".join(sys.orig_argv)
    return next((seconds for part, seconds in known.items() if part in words), 0)

def _shift(seconds, now=time.time, now_ns=time.time_ns):
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + seconds * 1_000_000_000

if _seconds := _wrong_by():
    _shift(_seconds)
'''


class Clocks:
    """The clocks of Python's processes that find a directory in PYTHONPATH."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        self._wrong = directory / "wrong.json"
        (directory / "sitecustomize.py").write_text(_SITE.format(wrong=str(self._wrong)))

    def set_wrong(self, command: str, seconds: int) -> None:
        """Set the clocks of processes that start from now on with words in their command line."""
        self._wrong.write_text(json.dumps({command: seconds}))

    def set_right(self) -> None:
        """Set the clocks of processes that start from now on right."""
        self._wrong.unlink()
