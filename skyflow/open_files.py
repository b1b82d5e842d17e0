"""How many files and sockets a process may have open. Imports little: the balancer starts fast."""

from __future__ import annotations

import contextlib
import resource


def allow_many_files() -> None:
    """Let this process have as many files and sockets open as the system lets it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses what its hard limit allows
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
