"""What is known of processes, of which any may end at any moment: nothing, of one that has."""

from __future__ import annotations

from collections.abc import Iterable

import psutil


def running(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return those that have not ended, whether or not their parent knows by now."""
    return [each for each in processes if _runs(each)]


def name_of(process: psutil.Process) -> str:
    """Return the name of the program that a process runs."""
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def words_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process."""
    try:
        return list(process.cmdline())
    except (psutil.Error, OSError):
        return []


def variables_of(process: psutil.Process) -> dict[str, str]:
    """Return the environment that a process was started with."""
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):
        return {}


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
