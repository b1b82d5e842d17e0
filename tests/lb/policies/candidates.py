"""Replicas and requests as policies see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from lb.data.policies import Balancing, Choice
from lb.http.heads import RequestHead, parse_request


@dataclass(eq=False)
class Candidate:
    id: int
    in_flight: int = 0
    capacity: float = 1
    weight: float = 1
    pace: float = 1
    last_chosen: int = 0


@dataclass(frozen=True)
class Request:
    head: RequestHead
    prefix: bytes = b""


def request(prefix: bytes = b"", *lines: str) -> Request:
    """Return a request with such a content and header lines."""
    head = "\r\n".join(["POST / HTTP/1.1", "Host: test", *lines, "", ""]).encode()
    return Request(parse_request(head), prefix)


ANY = request()


def candidates(count: int) -> list[Candidate]:
    return [Candidate(number) for number in range(1, count + 1)]


def choice(
    replicas: Sequence[Candidate],
    policy: str = "least_load",
    seed: int = 1,
    now: Callable[[], float] = lambda: 0.0,
    **settings: object,
) -> Choice[Candidate]:
    """Return a choice that knows some replicas."""
    made: Choice[Candidate] = Choice(Balancing(policy, **settings), Random(seed), now)  # type: ignore[arg-type]
    made.update(replicas)
    return made


def chosen(made: Choice[Candidate], replicas: Sequence[Candidate], count: int) -> Counter[int]:
    """Return how often each replica is chosen for requests that end at once."""
    return Counter(made.choose(replicas, ANY).id for _ in range(count))
