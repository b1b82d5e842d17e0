"""Ending every process of a machine, whatever it has become."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence

import psutil

from skyflow.clouds.local.processes import reap_all

_PAUSE_SECONDS = 0.005


def end_process(process: psutil.Process, grace: float, limit: float = 10) -> bool:
    """Ask a process to end, after `grace` seconds kill it; True if gone `limit` seconds later."""
    try:
        if grace:
            process.terminate()
            if _wait_gone(process, grace):
                return True
        process.kill()
    except psutil.NoSuchProcess:
        return True
    return _wait_gone(process, limit)


def end_all(
    find: Callable[[], Iterable[psutil.Process]], limit: float = 10, spared: int | None = None
) -> bool:
    """Kill every process that is found, but this one and the spared one, until none is.

    Returns:
        Whether none is left; False if some could not be killed in `limit` seconds.

    """
    deadline = time.monotonic() + limit
    keep = {os.getpid(), spared}
    while victims := [each for each in find() if each.pid not in keep and not _is_zombie(each)]:
        if time.monotonic() > deadline:
            return False
        _kill(victims)
    return True


def end_descendants() -> None:
    """Kill and reap every descendant of this process, also those that start meanwhile."""
    this = psutil.Process()
    while descendants := this.children(recursive=True):
        _kill(descendants)
        reap_all()


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    time.sleep(_PAUSE_SECONDS)


def _wait_gone(process: psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            # A zombie has ended with all its namespaces; its parent may take its time.
            if not process.is_running() or _is_zombie(process):
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(_PAUSE_SECONDS)
    return False
