"""Whether a machine lives: its process holds a lock on a file for as long as it does.

The kernel drops the lock with the process and names its holder, so nothing can be stale: there is
no file with a process id that somebody else may have by now.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
from pathlib import Path

# struct flock of fcntl(2): Linux puts type and whence first, macOS and the BSDs last.
_LINUX = sys.platform == "linux"
_FLOCK = "hhqqi4x" if _LINUX else "qqihh"


def hold(path: Path) -> bool:
    """Lock the file until this process ends; False if another process holds it.

    The file must not be opened again in this process: closing it would drop the lock.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


def holder(path: Path) -> int | None:
    """Return the id of the process that holds the lock, as seen from here; None if none does."""
    try:
        file = os.open(path, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        answer = fcntl.fcntl(file, fcntl.F_GETLK, _question())
    finally:
        os.close(file)
    fields = struct.unpack(_FLOCK, answer)
    kind, process = (fields[0], fields[4]) if _LINUX else (fields[3], fields[2])
    return None if kind == fcntl.F_UNLCK else int(process)


def _question() -> bytes:
    if _LINUX:
        return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    return struct.pack(_FLOCK, 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
