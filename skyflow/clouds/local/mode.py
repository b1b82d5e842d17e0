"""Which network the machines of this computer get, and whether it leads out."""

from __future__ import annotations

import functools
import logging
import os
import subprocess
import sys
import threading
import time
from typing import Literal

from skyflow.clouds.local.way_out import WayOut, find_way_out
from skyflow.config import LocalNetwork, LocalOutbound

_log = logging.getLogger(__name__)

NetworkMode = Literal["own", "shared"]

_PROBE_SECONDS = 20
_TRIED_AGAIN_SECONDS = 60
_tried: dict[WayOut, tuple[bool, float]] = {}
"""Whether each way out worked, and when (monotonic clock, seconds) that was tried."""
_trying = threading.Lock()


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
    problem = _probe()
    return f"this computer does not allow a network of its own: {problem}" if problem else None


def usable_way_out(outbound: LocalOutbound) -> WayOut | None:
    """Return the way out for a machine that starts now; None if there is none that works.

    It is tried out once for each way that the computer has had in this process, and one that did
    not work again after a while: a machine whose packets vanish would wait where it should fail.
    """
    way_out = find_way_out(outbound)
    if way_out is None:
        return None
    with _trying:
        worked, at = _tried.get(way_out, (False, -_TRIED_AGAIN_SECONDS))
        if not worked and time.monotonic() - at >= _TRIED_AGAIN_SECONDS:
            problem = _probe(way_out.to_json())
            worked = problem is None
            _tried[way_out] = (worked, time.monotonic())
            if problem:
                _log.warning("machines reach nothing but this computer: %s", problem)
    return way_out if worked else None


def _probe(*arguments: str) -> str | None:
    command = [sys.executable, "-P", "-m", "skyflow.clouds.local.probe", *arguments]
    try:
        outcome = subprocess.run(command, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"trying it out failed: {error}"
    if outcome.returncode == 0:
        return None
    lines = outcome.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "trying it out failed"
