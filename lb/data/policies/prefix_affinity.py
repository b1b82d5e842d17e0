"""The replica that most likely has the beginning of a prompt in its cache."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from zlib import crc32

from lb.data.policies.base import Chosen, Policy, Request
from lb.data.policies.blocks import blocks, prompt
from lb.data.policies.bounds import Bounds
from lb.data.policies.holders import Holders
from lb.data.policies.least_load import LeastLoad
from lb.data.policies.members import Members
from lb.data.policies.ring import Ring, place

LITTLE = 1 / 3
"""Part of a request, in blocks, that is not worth going anywhere for. Later blocks are the longer
ones: it is a tenth of a prompt of 2 KB."""
FEW_HOLDERS = 16
"""Less than one replica in so many is found faster by itself than on the ring."""
MOST_ASKED = 16
"""Replicas that are asked for room before the least loaded one is taken."""


class PrefixAffinity(Policy[Chosen]):
    """A replica that has served the longest known beginning of the prompt, unless it has too much.

    What no replica has served, or what all have, goes by consistent hashing of the first block that
    tells requests apart: processes that have not seen each other's requests choose alike. A
    replica beyond its bounds is left for the next one that has served it, then for the next one on
    the ring. Requests of a session stay together whatever is in them.
    """

    def __init__(self, random: Random, prefix_bytes: int, session_header: str | None) -> None:
        """Begin without replicas.

        Args:
            random: Draws replicas for requests that have no content.
            prefix_bytes: How much of a content is looked at, in bytes.
            session_header: Name of the header that says which requests belong together.

        """
        self.prefix_bytes = prefix_bytes
        self._session_header = _field(session_header) if session_header else None
        self._least_load: LeastLoad[Chosen] = LeastLoad(random)
        self._bounds: Bounds[Chosen] = Bounds()
        self._members: Members[Chosen] = Members()
        self._holders = Holders()
        self._ring = Ring(())

    def update(self, replicas: Sequence[Chosen]) -> None:
        """Learn which replicas there are; what those that stay have served is remembered."""
        self._bounds.update(replicas)
        before = self._members.by_id.keys()
        if not self._members.update(replicas):
            self._holders = Holders()
        if self._members.by_id.keys() != before:
            self._ring = Ring(self._members.by_id)

    def session(self, request: Request | None) -> bytes | None:
        """Return the value of the header that sessions are told by."""
        if request is None or self._session_header is None:
            return None
        found = self._session_header.search(request.head.passed)
        return found[1] if found else None

    def choose(self, candidates: Sequence[Chosen], request: Request | None) -> Chosen:
        """Return the candidate that knows most of the request and has room for it."""
        session = self.session(request)
        known = self._blocks(request) if session is None else [crc32(session)]
        self._bounds.look(candidates)
        chosen = self._best(known, candidates, loyal=session is not None) if known else None
        chosen = chosen or self._least_load.choose(candidates, request)
        self._holders.add(known, self._members.bits[chosen.id])
        self._bounds.chosen(chosen)
        return chosen

    def _blocks(self, request: Request | None) -> list[int]:
        content = request.prefix[: self.prefix_bytes] if request else b""
        return blocks(prompt(content)) if content else []

    def _best(
        self, known: Sequence[int], candidates: Sequence[Chosen], *, loyal: bool
    ) -> Chosen | None:
        """Return a candidate with room that knows as much as possible; None if few have room."""
        present = self._members.set_of(candidates)
        key, holders = self._served(known, present, len(candidates))
        for members in reversed(holders):
            if chosen := next(self._with_room(key, members, loyal), None):
                return chosen
        first = list(islice(self._with_room(key, present, loyal), 1 if loyal else 2))
        # New prompts go where fewer went: the ring parts them no more evenly than chance does.
        return min(first, key=self._bounds.got, default=None)

    def _served(self, known: Sequence[int], present: int, count: int) -> tuple[int, list[int]]:
        """Return the block that a request should be told by, and who served so much, or more."""
        little = int(LITTLE * len(known))
        key, found = 0, list[int]()
        for at, number in enumerate(known):
            block = self._holders.find(number)
            if block is None:
                return key or known[max(at, little)], found
            if at < little:
                continue
            if self._holders.common(block, count):
                key, found = 0, []
                continue
            key = key or number
            members = block.replicas & present
            if members and (not found or members != found[-1]):
                found.append(members)
        return key or known[-1], found

    def _with_room(self, key: int, members: int, loyal: bool) -> Iterator[Chosen]:
        """Yield those of some replicas that can take one more, as a key prefers them."""
        for replica in islice(self._ordered(key, members), MOST_ASKED):
            busy = self._bounds.busy(replica)
            if not busy and (loyal or not self._bounds.favoured(replica)):
                yield replica

    def _ordered(self, key: int, members: int) -> Iterator[Chosen]:
        """Yield replicas in the order in which a key prefers them, each once."""
        if members.bit_count() * FEW_HOLDERS < len(self._members.by_id):
            found = self._members.within(members)
            yield from sorted(found, key=lambda replica: place(key ^ place(replica.id)))
            return
        for number in self._ring.order(key):
            if self._members.bits[number] & members:
                members ^= self._members.bits[number]
                yield self._members.by_id[number]
            if not members:
                return


def _field(name: str) -> re.Pattern[bytes]:
    """Return what finds a header line that is not empty, and its value."""
    pattern = rb"(?:\A|\n)%b:[ \t]*+([^\r]++)"
    return re.compile(pattern % re.escape(name.encode()), re.IGNORECASE)
