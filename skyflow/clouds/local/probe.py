"""Tries out whether a machine can have a network of its own: `python -m` this; 0 says yes."""

from __future__ import annotations

import os
import sys

from skyflow.clouds.local import namespaces, network


def main() -> int:
    """Make the namespaces and the network of a machine, and let them vanish again."""
    computer = namespaces.open_network()
    namespaces.leave_all()
    waiting, release = os.pipe()
    inside, answer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(release)
        os._exit(_be_init(answer, waiting))
    os.close(answer)
    os.close(waiting)
    try:
        if os.read(inside, 1):
            network.connect(child, computer)
    finally:
        os.close(release)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _be_init(answer: int, waiting: int) -> int:
    try:
        namespaces.become_init("probe")
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    os.write(answer, b"y")
    os.read(waiting, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
