"""When this data plane last lived: one that was away for long must not trust what it saved."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict
from pathlib import Path

from lb.data.moments import LONG_AGO, Moment

_SIZE = 256
"""Bytes of the file: written over in place, which needs no room on a full disk."""

_log = logging.getLogger(__name__)


class Presence:
    """A small file that says when its writer last lived."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Begin.

        Args:
            path: The file.
            read_only: Whether another process writes it.
        """
        self._path = path
        self._read_only = read_only
        self._failed = False

    def last(self) -> Moment:
        """Return when the data plane last lived, long ago if that is not known."""
        try:
            return Moment(**json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return LONG_AGO
        except (OSError, ValueError, TypeError) as error:
            _log.error("%s cannot be read: %s", self._path, error)
            return LONG_AGO

    def note(self, now: Moment) -> None:
        """Write down that the data plane lives; a disk that fails is reported once."""
        if self._read_only:
            return
        try:
            self._write(json.dumps(asdict(now)).encode().ljust(_SIZE))
        except OSError as error:
            if not self._failed:
                _log.error("%s cannot be written: %s", self._path, error)
            self._failed = True
        else:
            self._failed = False

    def _write(self, content: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(handle, content, 0)
        finally:
            os.close(handle)
