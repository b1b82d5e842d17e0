"""Sets of replicas as numbers: a bit for each replica."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic

from lb.data.policies.base import Chosen

SPARE_BITS = 256
"""Bits beyond four for each replica after which bits are given out anew."""


class Members(Generic[Chosen]):
    """The replicas there are, by bit and by id."""

    def __init__(self) -> None:
        self.all = 0
        """The set of all of them."""
        self.by_id: dict[int, Chosen] = {}
        self.bits: dict[int, int] = {}
        """The bit of each replica, by its id."""
        self._by_bit: dict[int, Chosen] = {}
        self._next = 1

    def update(self, replicas: Sequence[Chosen]) -> bool:
        """Learn which replicas there are; return whether sets made earlier still hold.

        A bit is not used for another replica, or sets would name one that was never in them. Once
        there are too many, as replicas have come and gone, all bits are given out anew.
        """
        hold = self._next.bit_length() <= SPARE_BITS + 4 * len(replicas)
        if not hold:
            self.bits, self._next = {}, 1
        self.by_id = {replica.id: replica for replica in replicas}
        self.bits = {number: self.bits.get(number) or self._new() for number in self.by_id}
        self._by_bit = {self.bits[number]: replica for number, replica in self.by_id.items()}
        self.all = sum(self._by_bit)
        return hold

    def set_of(self, replicas: Sequence[Chosen]) -> int:
        """Return the set of some replicas."""
        if len(replicas) == len(self.by_id):
            return self.all
        return sum({self.bits[replica.id] for replica in replicas})

    def within(self, members: int) -> Iterator[Chosen]:
        """Yield the replicas in a set."""
        while members:
            bit = members & -members
            members ^= bit
            yield self._by_bit[bit]

    def _new(self) -> int:
        bit = self._next
        self._next <<= 1
        return bit
