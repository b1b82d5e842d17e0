"""What this computer runs on behalf of a stack."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil

from skyflow.clouds.local.processes import MARKER
from tests.processes import name_of, variables_of, words_of


def processes_about(text: str) -> list[psutil.Process]:
    """Return the processes that have a text in their command line or environment."""
    return [process for process in _others() if text in _described(process)]


def described(process: psutil.Process) -> str:
    """Return a process as a failed assertion shows it."""
    return f"{process.pid}: {_described(process)[:300]}"


def server_of(machines: Path, service: str, replica_id: int) -> psutil.Process:
    """Return the process of a replica that serves, not the shells around it."""
    found = [p for p in _processes_of(machines, service, replica_id) if "python" in name_of(p)]
    assert len(found) == 1, found
    return found[0]


def interfaces_left(interfaces: set[str]) -> set[str]:
    """Return those of some network interfaces that exist."""
    return interfaces & {name for _, name in socket.if_nameindex()}


def _processes_of(machines: Path, service: str, replica_id: int) -> Iterator[psutil.Process]:
    for process in _others():
        environment = variables_of(process)
        if (
            environment.get("SKYFLOW_SERVICE_NAME") == service
            and environment.get("SKYFLOW_REPLICA_ID") == str(replica_id)
            and environment.get(MARKER, "").startswith(str(machines))
        ):
            yield process


def _others() -> Iterator[psutil.Process]:
    return (process for process in psutil.process_iter() if process.pid != os.getpid())


def _described(process: psutil.Process) -> str:
    variables = (f"{name}={value}" for name, value in variables_of(process).items())
    return " ".join([*words_of(process), *variables])
