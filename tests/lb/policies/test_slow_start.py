from __future__ import annotations

import pytest

from lb.data.policies import POLICIES
from tests.lb.policies.candidates import ANY, Candidate, candidates, choice, chosen


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_replica_that_joins_others_works_up_to_its_share() -> None:
    clock, replicas = Clock(), candidates(2)
    made = choice(replicas[:1], "round_robin", now=clock, slow_start_seconds=10)
    clock.seconds += 20
    made.update(replicas)
    counts = []
    for _ in range(4):
        counts.append(chosen(made, replicas, 1100)[2])
        clock.seconds += 4
    assert [round(count, -1) for count in counts] == [100, 310, 490, 550]


def test_requests_in_flight_grow_with_the_pace_of_a_new_replica() -> None:
    clock, replicas = Clock(), candidates(2)
    replicas[0].in_flight = 20
    made = choice(replicas[:1], now=clock, slow_start_seconds=10)
    clock.seconds += 20
    made.update(replicas)
    clock.seconds += 5
    for _ in range(12):
        made.choose(replicas, ANY).in_flight += 1
    assert [replica.in_flight for replica in replicas] == [21, 11]


def test_an_idle_new_replica_is_as_good_as_another_idle_one() -> None:
    clock, replicas = Clock(), candidates(2)
    made = choice(replicas[:1], now=clock, slow_start_seconds=10)
    clock.seconds += 20
    made.update(replicas)
    assert chosen(made, replicas, 10) == {1: 5, 2: 5}


@pytest.mark.parametrize("policy", POLICIES)
def test_where_all_are_new_none_is_spared(policy: str) -> None:
    clock, replicas = Clock(), candidates(3)
    made = choice(replicas[:1], policy, now=clock, slow_start_seconds=10)
    clock.seconds += 5
    made.update(replicas)
    made.choose(replicas, ANY)
    assert {replica.pace for replica in replicas} == {1}


def test_the_last_old_one_that_leaves_frees_the_new_ones() -> None:
    clock, replicas = Clock(), candidates(3)
    made = choice(replicas[:1], now=clock, slow_start_seconds=10)
    clock.seconds += 20
    made.update(replicas)
    assert [replica.pace for replica in replicas] == [1, 0.1, 0.1]
    made.update(replicas[1:])
    assert [replica.pace for replica in replicas[1:]] == [1, 1]


def test_without_slow_start_a_new_replica_gets_its_share_at_once() -> None:
    clock, replicas = Clock(), [Candidate(1), Candidate(2)]
    made = choice(replicas[:1], "round_robin", now=clock)
    clock.seconds += 20
    made.update(replicas)
    assert chosen(made, replicas, 100) == {1: 50, 2: 50}
