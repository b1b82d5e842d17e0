from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.lb.policies.candidates import ANY, Candidate, candidates, choice, chosen


def test_load_is_ignored() -> None:
    replicas = [Candidate(1, 9), Candidate(2), Candidate(3, 4)]
    made = choice(replicas, "round_robin")
    assert [made.choose(replicas, ANY).id for _ in range(6)] == [1, 2, 3, 1, 2, 3]


def test_who_is_not_there_is_passed_over() -> None:
    first, second, third = candidates(3)
    made = choice([first, second, third], "round_robin")
    assert made.choose([first, second, third], ANY) is first
    assert made.choose([first, third], ANY) is third
    assert made.choose([first, second, third], ANY) is second


def test_one_that_was_away_does_not_get_what_it_missed() -> None:
    replicas = candidates(3)
    made = choice(replicas, "round_robin")
    chosen(made, replicas[:2], 1000)
    assert chosen(made, replicas, 300)[3] <= 101


@given(st.integers(1, 60), st.integers(1, 500), st.integers(1, 60))
def test_each_gets_as_much_as_the_others_also_after_changes(
    count: int, requests: int, later: int
) -> None:
    replicas = candidates(count)
    made = choice(replicas, "round_robin")
    first = chosen(made, replicas, requests)
    assert max(first.values()) - min(first[r.id] for r in replicas) <= 1
    changed = [*replicas[later:], *(Candidate(100 + number) for number in range(later))]
    made.update(changed)
    after: Counter[int] = chosen(made, changed, requests)
    assert max(after.values()) - min(after[r.id] for r in changed) <= 2
