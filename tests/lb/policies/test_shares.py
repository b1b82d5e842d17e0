"""Weights are kept whatever the policy."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lb.data.policies import POLICIES
from tests.lb.policies.candidates import ANY, Candidate, candidates, choice, chosen, request

WEIGHTS = st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(any)


@pytest.mark.parametrize("policy", POLICIES)
@settings(deadline=None, max_examples=20)
@given(weights=WEIGHTS)
def test_ten_thousand_requests_are_parted_to_one_percent(policy: str, weights: list[int]) -> None:
    replicas = [Candidate(number, weight=w) for number, w in enumerate(weights, 1)]
    counts = chosen(choice(replicas, policy), replicas, 10_000)
    for replica in replicas:
        share = 10_000 * replica.weight / sum(weights)
        alike = sum(other.weight == replica.weight for other in replicas)
        assert abs(counts[replica.id] - share) <= max(2, 0.01 * share, 3 * (alike > 1))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_canary_gets_its_share_under_load_too(policy: str) -> None:
    replicas = [*(Candidate(number, weight=95 / 3) for number in (1, 2, 3)), Candidate(4, weight=5)]
    made = choice(replicas, policy)
    busy: list[Candidate] = []
    counts: Counter[int] = Counter()
    for number in range(10_000):
        replica = made.choose(replicas, request(b"prompt %d " % (number % 200) * 20))
        counts[replica.id] += 1
        replica.in_flight += 1
        busy.append(replica)
        if len(busy) > 30:
            busy.pop(0).in_flight -= 1
    assert abs(counts[4] - 500) <= 5


def test_without_weight_a_replica_is_used_only_if_there_is_no_other() -> None:
    ready, waiting = Candidate(1), Candidate(2, weight=0)
    made = choice([ready, waiting])
    assert chosen(made, [ready, waiting], 100) == {1: 100}
    assert made.choose([waiting], ANY) is waiting


def test_a_weight_takes_over_what_another_cannot_take() -> None:
    replicas = [Candidate(1, weight=9), Candidate(2, weight=1)]
    made = choice(replicas)
    assert chosen(made, replicas[1:], 50) == {2: 50}
    assert chosen(made, replicas, 100) == {1: 90, 2: 10}


def test_a_new_weight_is_kept_from_then_on() -> None:
    replicas = candidates(2)
    made = choice(replicas, "round_robin")
    chosen(made, replicas, 100)
    replicas[0].weight = 3
    made.update(replicas)
    assert chosen(made, replicas, 400) == {1: 300, 2: 100}


def test_sessions_stay_with_their_version_while_shares_allow() -> None:
    replicas = [Candidate(1, weight=80), Candidate(2, weight=20)]
    made = choice(replicas, "prefix_affinity", session_header="X-Session")
    seen: dict[int, Counter[int]] = {session: Counter() for session in range(100)}
    for number in range(10_000):
        session = number % 100
        seen[session][made.choose(replicas, request(b"", f"X-Session: {session}")).id] += 1
    assert abs(sum(counts[2] for counts in seen.values()) - 2000) <= 20
    assert sum(max(counts.values()) for counts in seen.values()) >= 9000
