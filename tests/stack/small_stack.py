"""A supervisor of small real processes: `python -m tests.stack.small_stack --bind ADDRESS`."""

from __future__ import annotations

import asyncio
import sys
from functools import partial

from skyflow.config import Settings
from skyflow.stack_state import LOOPBACK, StackState
from worker.process import ProcessSpec
from worker.supervisor import supervise
from worker.table import listens

# Named as in the real stack, whose ports are kept while these run.
SERVER = """
import http.server, sys
print("serving", sys.argv[1], flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)\\
    .serve_forever()
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("sleeping", flush=True)
time.sleep(1000)
"""


def small_table(_: Settings, state: StackState) -> tuple[ProcessSpec, ...]:
    return (
        _server("lb-control", state.ports.admin),
        ProcessSpec("worker", (sys.executable, "-c", STUBBORN), _at_once, grace_seconds=0.2),
        _server("temporal", state.ports.temporal),
    )


def _server(name: str, port: int) -> ProcessSpec:
    return ProcessSpec(
        name,
        (sys.executable, "-c", SERVER, str(port)),
        partial(_listens, port),
        address=f"http://{LOOPBACK}:{port}",
    )


async def _listens(port: int, _: int) -> bool:
    return await listens(port)


async def _at_once(_: int) -> bool:
    return True


if __name__ == "__main__":
    sys.exit(asyncio.run(supervise(Settings.from_environment(), sys.argv[2], small_table)))
