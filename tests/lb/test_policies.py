from __future__ import annotations

from dataclasses import dataclass

from lb.data.policies import LeastLoad, RoundRobin


@dataclass
class Candidate:
    name: str
    in_flight: int = 0
    last_chosen: int = 0


def test_least_load_takes_the_least_loaded() -> None:
    candidates = [Candidate("a", 2), Candidate("b", 1), Candidate("c", 3)]
    assert LeastLoad().choose(candidates).name == "b"


def test_equally_loaded_replicas_take_turns() -> None:
    policy, candidates = LeastLoad(), [Candidate("a"), Candidate("b"), Candidate("c")]
    assert [policy.choose(candidates).name for _ in range(6)] == list("abcabc")


def test_round_robin_ignores_load() -> None:
    policy, candidates = RoundRobin(), [Candidate("a", 9), Candidate("b"), Candidate("c", 4)]
    assert [policy.choose(candidates).name for _ in range(6)] == list("abcabc")


def test_round_robin_skips_who_is_not_there() -> None:
    policy, (a, b, c) = RoundRobin(), (Candidate("a"), Candidate("b"), Candidate("c"))
    assert policy.choose([a, b, c]) is a
    assert policy.choose([a, c]) is c
    assert policy.choose([a, b, c]) is b
