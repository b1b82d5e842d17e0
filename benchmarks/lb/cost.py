"""What a process and its children use."""

from __future__ import annotations

from contextlib import suppress

import psutil


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user and system, of a process with all its threads and children."""
    total = 0.0
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mib(pid: int) -> float:
    """Return the proportional set size: memory shared with others counts in parts."""
    total = 0
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total / 2**20


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
