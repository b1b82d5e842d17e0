"""Names for requests that clients gave none."""

from __future__ import annotations

import itertools
import os
import secrets

_ENDINGS = tuple(b"%03x" % number for number in range(16**3))


class _Names:
    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        # Random once and then counted: as unlikely to meet another's as if each were random.
        prefix = secrets.token_hex(8).encode()
        # A beginning is made once for all endings that it is put before.
        beginnings = (b"%b-%x" % (prefix, number) for number in itertools.count(1))
        self.names = itertools.chain.from_iterable(
            map(beginning.__add__, _ENDINGS) for beginning in beginnings
        )


_names = _Names()
os.register_at_fork(after_in_child=_names.renew)


def new_request_id() -> bytes:
    """Return a name that no other request has."""
    return next(_names.names)
