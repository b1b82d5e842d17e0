"""How many files and connections a process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress

_ENOUGH = 65536
"""Far more than a worker opens for all the replicas that it can watch."""


def allow_many_files() -> None:
    """Raise this process's limit of open files towards what it is allowed.

    Common systems start with 1,024, which is little for one who watches a thousand replicas.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS refuses what its hard limit seems to allow
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
