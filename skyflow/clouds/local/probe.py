"""Tries out whether a machine can have a network of its own: `python -m` this; 0 says yes.

With a way out in JSON, 0 says that it also leads there: a name server has answered.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections.abc import Sequence

from skyflow.clouds.local import namespaces, network
from skyflow.clouds.local.way_out import WayOut

_ANSWER_SECONDS = 2
_ASKED_AGAIN_SECONDS = 0.5
_QUESTION = bytes.fromhex("5346 0100 0001 0000 0000 0000 00 0002 0001")
"""Who serves the root of all names: what every name server can answer (RFC 1035, section 4.1)."""


def main() -> int:
    """Make the namespaces and the network of a machine, and let them vanish again."""
    way_out = WayOut.from_json(sys.argv[1]) if len(sys.argv) > 1 else None
    computer = namespaces.open_network()
    namespaces.leave_all()
    waiting, release = os.pipe()
    inside, answer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(release)
        os._exit(_be_init(answer, waiting, way_out))
    os.close(answer)
    os.close(waiting)
    try:
        if os.read(inside, 1):
            network.connect(child, computer, way_out)
            os.write(release, b"y")
    finally:
        os.close(release)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _be_init(answer: int, waiting: int, way_out: WayOut | None) -> int:
    try:
        namespaces.become_init("probe")
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    os.write(answer, b"y")
    if os.read(waiting, 1) and way_out and not _answers(way_out.resolvers):
        sys.stderr.write(f"no answer from {', '.join(way_out.resolvers)}\n")
        return 1
    return 0


def _answers(servers: Sequence[str]) -> bool:
    """Say whether any name server answers; one lost packet is not taken for silence."""
    deadline = time.monotonic() + _ANSWER_SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        while time.monotonic() < deadline:
            for server in servers:
                asking.sendto(_QUESTION, (server, 53))
            if select.select([asking], [], [], _ASKED_AGAIN_SECONDS)[0]:
                return True
    return False


if __name__ == "__main__":
    sys.exit(main())
