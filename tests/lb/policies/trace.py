"""A trace of prompts that begin alike, played against replicas that keep what they computed."""

from __future__ import annotations

import heapq
import json
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.lb.policies.candidates import Candidate, candidates, choice, request

WORDS = ("the", "of", "a", "replica", "prompt", "answer", "model", "server", "token", "cache")


@dataclass(frozen=True)
class Arrival:
    at: float
    """Time in seconds."""
    prefix: int
    """What it has in common with others."""
    body: bytes
    seconds: float
    """How long a replica works on it."""


@dataclass(frozen=True)
class Shape:
    """What a trace is like."""

    prefixes: int = 80
    skew: float = 0.8
    """Of the popularity of prefixes (Zipf); 0 for none."""
    rate: float = 20
    """Arrivals per second."""
    seconds: float = 2
    """Mean time that an answer takes."""
    instruction: int = 0
    """Words that all prompts begin with."""


def trace(shape: Shape, count: int, seed: int) -> Iterator[Arrival]:
    random = Random(seed)
    weights = [1 / (rank + 1) ** shape.skew for rank in range(shape.prefixes)]
    instruction = " ".join(random.choices(WORDS, k=shape.instruction))
    documents = [" ".join(random.choices(WORDS, k=random.randint(100, 400))) for _ in weights]
    at = 0.0
    for number in range(count):
        at += random.expovariate(shape.rate)
        prefix = random.choices(range(shape.prefixes), weights)[0]
        question = " ".join(random.choices(WORDS, k=random.randint(5, 60)))
        messages = [
            {"role": "system", "content": f"{instruction} {documents[prefix]}"},
            {"role": "user", "content": f"{question} {number}"},
        ]
        body = json.dumps({"model": "m", "seed": number, "messages": messages}).encode()
        yield Arrival(at, prefix, body, random.lognormvariate(0, 0.6) * shape.seconds / 1.2)


@dataclass
class Outcome:
    """What became of a trace."""

    hits: int = 0
    requests: Counter[int] = field(default_factory=Counter)
    """Number of requests by replica."""
    work: Counter[int] = field(default_factory=Counter)
    """Seconds of work by replica, in whole milliseconds."""

    @property
    def hit_rate(self) -> float:
        return self.hits / self.requests.total()

    @property
    def most_loaded(self) -> float:
        """How many times the mean of requests the most loaded replica got."""
        return max(self.requests.values()) * len(self.requests) / self.requests.total()

    @property
    def hardest_working(self) -> float:
        """How many times the mean of work the most loaded replica had."""
        return max(self.work.values()) * len(self.work) / self.work.total()


def play(
    arrivals: Iterator[Arrival], policy: str, replicas: int = 8, kept: int = 12, **settings: object
) -> Outcome:
    """Play a trace.

    Args:
        arrivals: The trace.
        policy: Name of the policy.
        replicas: Number of replicas.
        kept: Number of prefixes that a replica keeps, those used last.
        settings: Of the policy.

    """
    there: Sequence[Candidate] = candidates(replicas)
    made = choice(there, policy, **settings)  # type: ignore[arg-type]
    caches: dict[int, OrderedDict[int, None]] = {replica.id: OrderedDict() for replica in there}
    ends: list[tuple[float, int, Candidate]] = []
    outcome = Outcome()
    for number, arrival in enumerate(arrivals):
        while ends and ends[0][0] <= arrival.at:
            heapq.heappop(ends)[2].in_flight -= 1
        replica = made.choose(there, request(arrival.body))
        replica.in_flight += 1
        heapq.heappush(ends, (arrival.at + arrival.seconds, number, replica))
        cache = caches[replica.id]
        outcome.hits += arrival.prefix in cache
        cache[arrival.prefix] = None
        cache.move_to_end(arrival.prefix)
        if len(cache) > kept:
            cache.popitem(last=False)
        outcome.requests[replica.id] += 1
        outcome.work[replica.id] += int(arrival.seconds * 1000)
    return outcome
