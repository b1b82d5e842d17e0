"""Ports for machines that share the computer's network."""

from __future__ import annotations

import random
import socket

FIRST, LAST = 20000, 29999
"""Below the ports that kernels give to outgoing connections (Linux 32768, macOS 49152)."""


class PortsExhausted(Exception):
    """Every port for replicas is in use on this computer."""


def claim() -> tuple[int, socket.socket]:
    """Return a port for a service, and what holds the claim on it until this process ends.

    The claim is the UDP port of the same number: the kernel gives it to one process of the
    computer, whatever installation it belongs to, and frees it with the process. The TCP port
    stays free for the service.

    Raises:
        PortsExhausted: No port is free.

    """
    ports = list(range(FIRST, LAST + 1))
    random.shuffle(ports)
    for port in ports:
        claimed = _bind(socket.SOCK_DGRAM, "127.0.0.1", port)
        if claimed is None:
            continue
        listening = _bind(socket.SOCK_STREAM, "", port)
        if listening is not None:
            listening.close()
            return port, claimed
        claimed.close()
    raise PortsExhausted(f"every port from {FIRST} to {LAST} is in use on this computer")


def _bind(kind: socket.SocketKind, address: str, port: int) -> socket.socket | None:
    candidate = socket.socket(socket.AF_INET, kind)
    try:
        candidate.bind((address, port))
    except OSError:
        candidate.close()
        return None
    return candidate
