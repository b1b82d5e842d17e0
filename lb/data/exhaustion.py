"""Telling that this computer has run out of something from trouble with somebody else."""

from __future__ import annotations

import errno

_EXHAUSTED = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL}
)


class Exhausted(Exception):
    """Nothing is left here to open a connection or a port with."""


def is_exhaustion(error: OSError) -> bool:
    """Return whether an error on opening something says nothing of the other side."""
    return error.errno in _EXHAUSTED
