"""What has been served before, how often, and by which replicas."""

from __future__ import annotations

from collections.abc import Sequence

REMEMBERED = 16_384
"""Blocks after which the older half is forgotten: of about 500 long conversations. Twice as many
take about 8 MB."""
FEW_REQUESTS = 4
"""A block that no more requests than that had is never called common."""


class Block:
    """One beginning of requests."""

    __slots__ = ("child", "count", "parted", "replicas")

    def __init__(self, count: int, child: int, parted: bool) -> None:
        self.replicas = 0
        """The replicas that have served it, as a set of bits."""
        self.count = count
        """Number of requests that began like this."""
        self.child = child
        """The first block that came after it; 0 if none did."""
        self.parted = parted
        """Whether requests go on after it in different ways of which some came again."""


class Holders:
    """The blocks that were served lately."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        """Begin without any.

        Args:
            remembered: Number of blocks after which those that were not used since then go.

        """
        self._remembered = remembered
        self._recent: dict[int, Block] = {}
        self._older: dict[int, Block] = {}
        self._requests = 0

    def find(self, block: int) -> Block | None:
        """Return what is known of a block."""
        return self._recent.get(block) or self._older.get(block)

    def common(self, block: Block, replicas: int) -> bool:
        """Return whether a block says nothing of where a request should go.

        It has more requests than one of the replicas should get, and what comes after it tells them
        apart: an instruction that all prompts begin with.
        """
        share = max(self._requests / replicas, FEW_REQUESTS)
        return block.parted and block.count > share

    def add(self, blocks: Sequence[int], replica: int) -> None:
        """Note that a replica, given by its bit, serves a request."""
        self._requests += 1
        recent = self._recent
        before: Block | None = None
        for number in blocks:
            block = recent.get(number)
            known = block is not None or number in self._older
            if block is None:
                block = recent[number] = self._renewed(number)
            block.count += 1
            block.replicas |= replica
            if before is not None and before.child != number:
                before.parted = before.parted or (known and before.child != 0)
                before.child = before.child or number
            before = block
        if len(recent) > self._remembered:
            self._older, self._recent = recent, {}
            self._requests //= 2

    def _renewed(self, number: int) -> Block:
        old = self._older.get(number)
        if old is None:
            return Block(0, 0, False)
        # Who served it long ago may have dropped it since.
        return Block(old.count // 2, old.child, old.parted)
