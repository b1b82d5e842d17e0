"""Ports of the stack: chosen once where nobody listens, then kept."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

from skyflow.errors import StackError
from skyflow.stack_state import LOOPBACK, StackPorts

_RANGE = range(20000, 30000)
"""Below what Linux (32768) and macOS (49152) give to outgoing connections, and below the ports of
endpoints (30001): nothing takes them by chance while the stack is down."""


def choose_ports(remembered: StackPorts | None, held: Collection[int]) -> StackPorts:
    """Return ports to listen on, those remembered wherever possible.

    Args:
        remembered: The ports used before, if there were any.
        held: Ports that processes of this stack listen on now.

    Raises:
        StackError: No port is free.

    """
    before = remembered.model_dump() if remembered else {}
    ports: dict[str, int] = {}
    for name in StackPorts.model_fields:
        kept = before.get(name)
        usable = kept is not None and (kept in held or is_free(kept))
        ports[name] = kept if kept is not None and usable else _free_port(set(ports.values()))
    return StackPorts(**ports)


def is_free(port: int) -> bool:
    """Return whether a server could listen on a port of the loopback interface."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still being closed can be used.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _free_port(taken: Collection[int]) -> int:
    for port in random.sample(_RANGE, len(_RANGE)):
        if port not in taken and is_free(port):
            return port
    raise StackError(
        f"no port from {_RANGE.start} to {_RANGE.stop - 1} is free on {LOOPBACK}",
        "end some of the programs that listen there",
    )
