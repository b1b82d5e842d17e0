"""Which network the machines of this computer get."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from typing import Literal

from skyflow.config import LocalNetwork

NetworkMode = Literal["own", "shared"]

_PROBE_SECONDS = 20


def network_mode(wanted: LocalNetwork) -> NetworkMode:
    """Return the network that machines get: the wanted one, for `auto` their own where it works."""
    if wanted == "auto":
        return "shared" if own_network_problem() else "own"
    return wanted


@functools.cache
def own_network_problem() -> str | None:
    """Say why machines cannot have networks of their own here; None if they can.

    It is tried out once per process: containers may forbid it even to root.
    """
    if sys.platform != "linux":
        return "only Linux can give a machine a network of its own"
    if os.geteuid() != 0:
        return "only root can give a machine a network of its own"
    command = [sys.executable, "-P", "-m", "skyflow.clouds.local.probe"]
    try:
        outcome = subprocess.run(command, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"trying out a network of its own failed: {error}"
    if outcome.returncode == 0:
        return None
    lines = outcome.stderr.decode(errors="replace").strip().splitlines()
    return f"this computer does not allow a network of its own: {lines[-1] if lines else 'unknown'}"
