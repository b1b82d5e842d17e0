"""The unix socket of the control interface: private, and moved aside by a process that leaves."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO

from lb.files import LONGEST_NAME, control_sockets, leaving_sockets, lock_file
from skyflow.config import LONGEST_SOCKET_PATH, Settings
from skyflow.errors import StackError


def check_directory(settings: Settings) -> None:
    """Make the directory of the sockets.

    Raises:
        StackError: Its path is too long.
    """
    longest = len(os.fsencode(settings.balancer)) + 1 + LONGEST_NAME
    if longest > LONGEST_SOCKET_PATH:
        raise StackError(
            f"the paths of sockets in {settings.balancer} are longer than {LONGEST_SOCKET_PATH} "
            "bytes",
            remedy="set SKYFLOW_HOME to a shorter path",
        )
    settings.balancer.mkdir(mode=0o700, parents=True, exist_ok=True)


def own(settings: Settings) -> IO[bytes]:
    """Become the only data plane of an installation, for as long as what is returned is open.

    Raises:
        StackError: Another data plane runs.
    """
    lock = _opened(lock_file(settings))
    # A lock and not the socket itself says who lives: the kernel drops it however a process ends.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StackError(
            f"another data plane serves {settings.balancer}",
            remedy="stop it, have it replaced with --take-over, or set another SKYFLOW_HOME",
        ) from None
    return lock


class PrivateSocket:
    """A unix socket that only its owner can connect to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made: os.stat_result | None = None

    def bind(self) -> socket.socket:
        """Bind the socket, in place of one that a dead process left.

        Raises:
            OSError: The disk is full, broken or read-only, or no descriptor is left.
        """
        self.path.parent.chmod(0o700)
        self.path.unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            bound.bind(str(self.path))
            self._made = self.path.stat()
        except BaseException:
            bound.close()
            raise
        finally:
            os.umask(mask)
        return bound

    def move(self, path: Path) -> None:
        """Be found at another path from now on: the old one is for somebody else."""
        with suppress(OSError):
            if self._is_own():
                self.path.replace(path)
        self.path = path

    def unbind(self) -> None:
        """Remove the socket, unless it is somebody else's by now."""
        with suppress(OSError):
            if self._is_own():
                self.path.unlink()
        self._made = None

    def _is_own(self) -> bool:
        return self._made is not None and os.path.samestat(self._made, self.path.stat())


def remove_dead_sockets(settings: Settings) -> None:
    """Remove the control sockets of processes that were killed, but for that of the first."""
    for path in (*control_sockets(settings)[1:], *leaving_sockets(settings)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, suppress(OSError):
            if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
                path.unlink()


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("ab")
    except OSError:
        # A disk that has become read-only is no reason not to serve what is on it.
        return path.open("rb")
