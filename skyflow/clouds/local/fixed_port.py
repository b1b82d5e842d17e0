"""Services that cannot work where machines share one network: those that choose their own port."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from skyflow.spec.sources import GitSource
from skyflow.spec.task import Task

_VARIABLE = "SKYFLOW_REPLICA_PORT"
_LARGEST_BYTES = 256 * 1024
"""Size up to which a file is read: sources and configuration are smaller, data is not."""
_MOST_FILES = 5000
"""Number of files after which a service has the benefit of the doubt."""


def shared_network_problem(task: Task) -> str | None:
    """Say why a service cannot run on local machines that share a network; None if it can.

    Each replica gets a port of its own in `$SKYFLOW_REPLICA_PORT`, so something in the service
    must read it: a script, the value of a variable, or a file that it brings along. Of files from
    elsewhere only machines get to know the content, so they have the benefit of the doubt.
    """
    texts = (task.setup, task.run, *task.environment().values())
    if any(_VARIABLE in text for text in texts):
        return None
    if isinstance(task.workdir, GitSource) or task.remote_mounts():
        return None
    if _mentioned_in_files(task.local_sources()):
        return None
    return (
        f"Nothing in this service reads ${_VARIABLE}. Machines of this computer share its network, "
        f"so each replica gets a port of its own there and two cannot both listen on {task.port}. "
        f"Remedy: listen on ${_VARIABLE} (on every cloud it holds the right port), or give each "
        "machine a network of its own: run as root on Linux."
    )


def _mentioned_in_files(sources: Iterable[Path]) -> bool:
    for number, path in enumerate(_files(sources)):
        if number >= _MOST_FILES or _mentions(path):
            return True
    return False


def _files(sources: Iterable[Path]) -> Iterator[Path]:
    for source in sources:
        if source.is_file():
            yield source
            continue
        for folder, folders, names in os.walk(source):
            folders[:] = sorted(name for name in folders if name != ".git")
            yield from (Path(folder) / name for name in sorted(names))


def _mentions(path: Path) -> bool:
    try:
        # A named pipe would be waited on forever.
        if not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
            return False
        return _VARIABLE.encode() in path.read_bytes()
    except OSError:
        return False
