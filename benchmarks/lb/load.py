"""One run of the load generator."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.lb.cache import Unavailable

_SPARE_SECONDS = 30.0
"""What a run may take beyond what it measures: streams open one after the other."""


@dataclass(frozen=True)
class Load:
    """What is asked of a proxy."""

    mode: str
    """`closed`, `paced`, `streams` or `download`; native/load.c explains them."""
    count: int
    seconds: float
    request: bytes


@dataclass(frozen=True)
class Outcome:
    """What the load generator saw in the seconds that it measured."""

    seconds: float
    answers: int
    errors: int
    events: int
    streams: int
    received: int
    """Bytes of bodies."""
    p50_us: float
    p99_us: float


def run_load(
    program: Path, port: int, load: Load, home: Path, at_mark: Callable[[], None]
) -> Outcome:
    """Run a load; calls `at_mark` when measuring begins and ends, with all connections open.

    Raises:
        Unavailable: It did not end in time.
    """
    request = home / "request"
    request.write_bytes(load.request)
    command = [str(program), load.mode, str(port), str(load.count), f"{load.seconds:g}"]
    with subprocess.Popen(
        [*command, str(request)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        deadline = threading.Timer(load.seconds + _SPARE_SECONDS, process.kill)
        deadline.start()
        try:
            _line(process)
            at_mark()
            figures = _line(process)
            at_mark()
        finally:
            deadline.cancel()
            process.kill()
    return Outcome(**figures)


def _line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout
    text = process.stdout.readline()
    if not text:
        raise Unavailable("the load generator was not done in time")
    return dict(json.loads(text))
