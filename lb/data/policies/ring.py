"""Consistent hashing: each key has an order of replicas of its own, which hardly ever changes."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import unpack

POINTS = 32
"""Points that each replica has on the ring. More would spread keys more evenly, but no replica gets
more than its bound anyway, and a ring of hundreds of replicas is to be made within milliseconds."""
_SPREAD = 0x9E3779B1
"""2**32 divided by the golden ratio: spreads numbers that lie close together."""


class Ring:
    """Replicas by the points that they have on a ring of 2**32 places.

    Whoever makes a ring of the same ids gets the same one: all processes of a balancer agree, also
    after a restart. A replica that joins or leaves takes or leaves its own share of the keys only.
    """

    def __init__(self, ids: Iterable[int]) -> None:
        points = sorted(point for number in ids for point in _points(number))
        self._places = [place for place, _ in points]
        self._ids = [number for _, number in points]

    def order(self, key: int) -> Iterator[int]:
        """Yield the id of each replica at and after the place of a key; most of them repeatedly."""
        start = bisect(self._places, place(key))
        ids: Sequence[int] = self._ids
        for at in range(start, len(ids)):
            yield ids[at]
        for at in range(start):
            yield ids[at]


def place(key: int) -> int:
    """Return the place of a key on the ring."""
    return key * _SPREAD & 0xFFFFFFFF


@lru_cache(maxsize=4096)
def _points(number: int) -> tuple[tuple[int, int], ...]:
    halves = (blake2b(b"%d %d" % (number, half)).digest() for half in range(POINTS // 16))
    return tuple((place, number) for half in halves for place in unpack("<16I", half))
