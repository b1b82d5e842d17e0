"""What the operating system refuses, in words, and what to do about it."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from pathlib import Path

from skyflow.config import Settings
from skyflow.errors import StorageUnavailable

_FREE_SPACE = "free space there; what waits for it goes on by itself"
_MAKE_WRITABLE = "make it writable; what waits for it goes on by itself"
_MORE_FILES = "raise the limit of open files (`ulimit -n`), or end what holds many open"
_REMEDIES = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EFBIG: "raise the limit of a file's size (`ulimit -f`)",
    errno.EROFS: _MAKE_WRITABLE,
    errno.EACCES: _MAKE_WRITABLE,
    errno.EPERM: _MAKE_WRITABLE,
    errno.EMFILE: _MORE_FILES,
    errno.ENFILE: _MORE_FILES,
    errno.EIO: "look for a broken disk in the system's log",
}
_EXHAUSTED = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL}
)
_NUMBER_IN_TEXT = re.compile(r"\(os error (\d+)\)")
"""How Rust's standard library names an error of the system."""
_PROBE_BYTES = 4096
"""A block: a file system that is full still takes names of files."""


def is_exhaustion(error: BaseException) -> bool:
    """Return whether it is this computer that has no more to give: files, memory or ports.

    Such an error says nothing about whom one wanted to talk to.
    """
    return _number(error) in _EXHAUSTED


def reason(error: BaseException) -> str:
    """Return an error of the system in one line."""
    number = _number(error)
    if number is None:
        return (str(error).splitlines() or [type(error).__name__])[0]
    return os.strerror(number)


def remedy(error: BaseException, otherwise: str) -> str:
    """Return what to do about an error of the system."""
    return _REMEDIES.get(_number(error) or 0, otherwise)


def write_problem(settings: Settings) -> StorageUnavailable | None:
    """Return why nothing can be written where skyflow keeps its files; None if it can be.

    Each directory is tried that may be a file system of its own. What does not exist yet is no
    problem, as long as it can be made.
    """
    for directory in (settings.home, settings.stack, settings.store):
        try:
            if directory.is_dir():
                _try_to_write(directory)
        except OSError as error:
            return StorageUnavailable(
                f"nothing can be written to {directory}: {reason(error)}",
                remedy(error, "make it writable, or set SKYFLOW_HOME to another directory"),
            )
    return None


def _try_to_write(directory: Path) -> None:
    with tempfile.TemporaryFile(dir=directory) as file:
        file.write(bytes(_PROBE_BYTES))
        file.flush()


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _NUMBER_IN_TEXT.search(str(error))
    return int(found[1]) if found else None
