"""What tells the processes of a machine from all others, whatever becomes of the machine.

A process inherits both marks. The variable can be read by people, and vanishes with an environment
that is cleared. The limit stays: it is one that kernels since Linux 2.4.25 keep for every process
and never look at (RLIMIT_LOCKS in getrlimit(2)), so programs leave it alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from skyflow.clouds.local.processes import MARKER

if TYPE_CHECKING:
    import psutil

_LIMIT = 10
"""`RLIMIT_LOCKS` of asm-generic/resource.h."""
_LIMIT_NAME = "Max file locks"
_BASE = 1 << 62
_MACHINES_BITS, _NAME_BITS = 24, 38


def mark_this_process(machine: Path) -> None:
    """Set the limit of this process, and so of all that it starts, to the machine's number."""
    if sys.platform == "linux":
        _, hard = resource.getrlimit(_LIMIT)
        # Impossible where somebody has set a limit that binds nobody; the variable must do there.
        with contextlib.suppress(ValueError):
            resource.setrlimit(_LIMIT, (_number(machine), hard))


def processes_of(machine: Path) -> Sequence[psutil.Process]:
    """Return the processes of one machine."""
    number, directory = _number(machine), str(machine)
    return _processes(lambda limit, variable: limit == number or variable == directory)


def processes_of_all(machines: Path) -> Sequence[psutil.Process]:
    """Return the processes of every machine of an installation, also if its files are gone."""
    number = _number(machines / "any") >> _NAME_BITS

    def marked(limit: int | None, variable: str | None) -> bool:
        if variable is not None:
            return Path(variable).parent == machines
        return limit is not None and limit >> _NAME_BITS == number

    return _processes(marked)


def _processes(marked: Callable[[int | None, str | None], bool]) -> Sequence[psutil.Process]:
    # Slow to import, and a machine's own process does not look for others.
    import psutil

    found = []
    for process in psutil.process_iter():
        # What may not be read is somebody else's; what is gone has ended.
        with contextlib.suppress(psutil.Error, OSError):
            if marked(_limit(process), process.environ().get(MARKER)):
                found.append(process)
    return found


def _limit(process: psutil.Process) -> int | None:
    if sys.platform != "linux":
        return None
    for line in Path(f"/proc/{process.pid}/limits").read_text().splitlines():
        if line.startswith(_LIMIT_NAME):
            soft = line.removeprefix(_LIMIT_NAME).split()[0]
            return int(soft) if soft.isdecimal() else None
    return None


def _number(machine: Path) -> int:
    place = _digest(str(machine.parent), _MACHINES_BITS)
    return _BASE | place << _NAME_BITS | _digest(machine.name, _NAME_BITS)


def _digest(text: str, bits: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> (64 - bits)
