"""The unix socket of the control interface: private, and owned by one process at a time."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from skyflow.config import LONGEST_SOCKET_PATH
from skyflow.errors import StackError


@contextmanager
def sole_owner_of(path: Path) -> Iterator[None]:
    """Be the only data plane that may bind a socket.

    Raises:
        StackError: The path is too long, or another data plane uses it.
    """
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise StackError(
            f"the path of the control socket, {path}, is longer than {LONGEST_SOCKET_PATH} bytes",
            remedy="set SKYFLOW_HOME to a shorter path",
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A lock and not the socket itself says who lives: the kernel drops it however a process ends.
    with _opened(path.with_suffix(".lock")) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"another data plane serves {path}", remedy="stop it, or set another SKYFLOW_HOME"
            ) from None
        yield


def bind(path: Path) -> socket.socket:
    """Bind the socket, in place of one that a dead process left.

    Raises:
        OSError: The disk is full, broken or read-only, or no descriptor is left.
    """
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        bound.bind(str(path))
    except BaseException:
        bound.close()
        raise
    finally:
        os.umask(mask)
    return bound


def unbind(path: Path) -> None:
    """Remove the socket."""
    with suppress(OSError):
        path.unlink()


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("ab")
    except OSError:
        # A disk that has become read-only is no reason not to serve what is on it.
        return path.open("rb")
