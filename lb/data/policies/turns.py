"""Whose turn it is: each as often as its weight says, spread evenly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heapreplace
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """Stride scheduling (Waldspurger and Weihl): whoever has gone least far goes next.

    Each goes a step of 1 / weight at each turn, so that after any number of turns each has had its
    share to within one or two. To find the next of n costs log n.
    """

    def __init__(self) -> None:
        self._way: dict[Item, float] = {}
        """How far each has gone."""
        self._now = 0.0
        """How far the last one had gone when its turn came."""
        self._heap: list[tuple[float, int, Item]] = []
        """Everyone once, with a way that may be out of date and is then too short."""

    def update(self, items: Iterable[Item]) -> None:
        """Learn who takes part; a newcomer begins where the others are."""
        self._way = {item: self._way.get(item, self._now) for item in items}
        self._heap = [(way, at, item) for at, (item, way) in enumerate(self._way.items())]
        heapify(self._heap)

    def first(self, items: Sequence[Item]) -> Item:
        """Return whose turn it is of some that take part."""
        if len(items) < len(self._way):
            return min(items, key=self._way.__getitem__)
        while True:
            way, at, item = self._heap[0]
            if way == self._way[item]:
                return item
            heapreplace(self._heap, (self._way[item], at, item))

    def take(self, item: Item, weight: float = 1) -> None:
        """Note that somebody had a turn. Who was away for long has no claim to what was missed."""
        self._now = max(self._now, self._way[item])
        self._way[item] = self._now + 1 / weight
