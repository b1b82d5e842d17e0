"""Where the processes of the balancer find what they share."""

from __future__ import annotations

from pathlib import Path

from skyflow.config import Settings

LONGEST_NAME = 12
"""Bytes of the longest name of a socket here: of `control.sock`, of the 256th process, and of a
process with the greatest id that Linux gives. A longer one would ask for a shorter home."""


def control_socket(settings: Settings, number: int = 0) -> Path:
    """Return the path of the control socket of one data-plane process."""
    return settings.balancer / (f"data{number}.sock" if number else "control.sock")


def control_sockets(settings: Settings) -> list[Path]:
    """Return the paths of the control sockets of all data-plane processes; at least that of one."""
    others = settings.balancer.glob("data[1-9]*.sock")
    return [control_socket(settings), *sorted(others)]


def leaving_socket(settings: Settings, pid: int) -> Path:
    """Return the path of the control socket of a process that finishes what it has."""
    return settings.balancer / f"{pid}.sock"


def leaving_sockets(settings: Settings) -> list[Path]:
    """Return the paths of the control sockets of processes that finish what they have."""
    return sorted(settings.balancer.glob("[1-9]*.sock"))


def handover_socket(settings: Settings) -> Path:
    """Return the path of the socket over which listening sockets are handed on."""
    return settings.balancer / "next.sock"


def lock_file(settings: Settings) -> Path:
    """Return the path of the file whose lock the data plane holds."""
    return settings.balancer / "control.lock"
