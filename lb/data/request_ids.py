"""Names for requests that clients gave none."""

from __future__ import annotations

import itertools
import os
import secrets


class _Names:
    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        # Random once and then counted: as unlikely to meet another's as if each were random.
        self.prefix = secrets.token_hex(8).encode()
        self.numbers = itertools.count(1)


_names = _Names()
os.register_at_fork(after_in_child=_names.renew)


def new_request_id() -> bytes:
    """Return a name that no other request has."""
    return b"%b-%x" % (_names.prefix, next(_names.numbers))
