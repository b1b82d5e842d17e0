"""The unix socket of the control interface: private, and owned by one process at a time."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skyflow.errors import StackError
from skyflow.stack_state import LONGEST_SOCKET_PATH


@contextmanager
def control_socket_at(path: Path) -> Iterator[socket.socket]:
    """Bind the socket, in place of one that a dead process left.

    Raises:
        StackError: The path is too long, or another data plane uses it.
    """
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise StackError(
            f"the path of the control socket, {path}, is longer than {LONGEST_SOCKET_PATH} bytes",
            remedy="set SKYFLOW_HOME to a shorter path",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    with _sole_owner(path), _bound(path) as bound:
        try:
            yield bound
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _sole_owner(path: Path) -> Iterator[None]:
    # A lock and not the socket itself says who lives: the kernel drops it however a process ends.
    with path.with_suffix(".lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"another data plane serves {path}", remedy="stop it, or set another SKYFLOW_HOME"
            ) from None
        yield


@contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        mask = os.umask(0o177)
        try:
            bound.bind(str(path))
        finally:
            os.umask(mask)
        yield bound
