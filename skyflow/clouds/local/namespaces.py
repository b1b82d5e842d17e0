"""Linux namespaces: what gives a machine a network, processes and mounts of its own."""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path

# From linux/sched.h and sys/mount.h; `os.unshare` came only with Python 3.12.
_NEW_MOUNTS = 0x00020000
_NEW_HOST_NAME = 0x04000000
_NEW_PROCESSES = 0x20000000
_NEW_NETWORK = 0x40000000
_MOUNT_NO_SETUID, _MOUNT_NO_DEVICES, _MOUNT_NO_EXECUTION = 2, 4, 8
_MOUNT_BIND, _MOUNT_RECURSIVE, _MOUNT_PRIVATE = 0x1000, 0x4000, 0x40000
_SET_CHILD_SUBREAPER = 36
"""`PR_SET_CHILD_SUBREAPER` of linux/prctl.h."""


def leave_all() -> None:
    """Give this process a new network and host name, and its next child new processes.

    Raises:
        OSError: The kernel does not allow it.

    """
    _check("unshare", _libc().unshare(_NEW_NETWORK | _NEW_HOST_NAME | _NEW_PROCESSES))


def open_network(process: int | str = "self") -> int:
    """Return a file descriptor of a process's network."""
    return os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter_network(descriptor: int) -> None:
    """Move this process to another network.

    Raises:
        OSError: The kernel does not allow it.

    """
    _check("setns", _libc().setns(descriptor, _NEW_NETWORK))


def become_init(host_name: str) -> None:
    """Finish a new set of namespaces from inside, as its first process, with mounts of its own.

    Raises:
        OSError: The kernel does not allow it.

    """
    _check("unshare", _libc().unshare(_NEW_MOUNTS))
    # Without this, mounts of the machine would also appear on the computer.
    _mount(None, "/", None, _MOUNT_RECURSIVE | _MOUNT_PRIVATE)
    flags = _MOUNT_NO_SETUID | _MOUNT_NO_DEVICES | _MOUNT_NO_EXECUTION
    _mount("proc", "/proc", "proc", flags)
    socket.sethostname(host_name)


def put_in_place(file: str, target: str) -> None:
    """Let this process and its descendants find a file in place of another.

    Raises:
        OSError: The kernel does not allow it.

    """
    _mount(file, target, None, _MOUNT_BIND)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that loses its own."""
    _check("prctl", _libc().prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def allow_forwarding(interface: str) -> None:
    """Let the computer pass on what comes in at an interface, so that machines reach each other."""
    setting = Path("/proc/sys/net/ipv4/conf") / interface / "forwarding"
    setting.write_text("1")


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    encoded = [part.encode() if part else None for part in (source, target, kind)]
    _check("mount", _libc().mount(*encoded, ctypes.c_ulong(flags), None))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(call: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
