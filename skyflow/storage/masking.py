"""Secrets in logs, replaced before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = b"***"

_SHORTEST_LINE = 8
"""Lines of a secret of several lines (a PEM key, JSON) are masked by themselves from this length
on, in bytes: shorter ones, such as a brace, would mask half the log."""


class Masking:
    """The values to replace, in one go."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = tuple(sorted(_expanded(values), key=lambda value: (-len(value), value)))
        pattern = b"|".join(re.escape(value) for value in self._values)
        self._pattern = re.compile(pattern) if self._values else None

    def masked(self, data: bytes) -> bytes:
        """Return data with each value replaced by `***`."""
        return self._pattern.sub(MASK, data) if self._pattern else data

    def safe_cut(self, data: bytes, cut: int) -> int:
        """Return the last place up to `cut` where data can be cut without splitting a value.

        What is before it may be masked and stored by itself: no value begins there and ends, or
        may still come to end, behind it.
        """
        if not self._pattern:
            return cut
        while (earlier := self._earlier(data, cut)) < cut:
            cut = earlier
        return cut

    def _earlier(self, data: bytes, cut: int) -> int:
        """Return where the first value begins that the cut would split; the cut if none does."""
        longest = len(self._values[0])
        for start in range(max(0, cut - longest + 1), cut):
            rest = data[start : start + longest]
            inside = cut - start
            for value in self._values:
                if len(value) > inside and (value.startswith(rest) or rest.startswith(value)):
                    return start
        return cut


def _expanded(values: Iterable[str]) -> set[bytes]:
    found: set[bytes] = set()
    for value in values:
        found.add(value.strip().encode())
        lines = value.split("\n")
        found.update(
            line.strip().encode()
            for line in lines
            if len(lines) > 1 and len(line.strip().encode()) >= _SHORTEST_LINE
        )
    return found - {b""}
