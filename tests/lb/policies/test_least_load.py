from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.lb.policies.candidates import ANY, Candidate, candidates, choice, chosen

LOADS = st.lists(st.integers(0, 50), min_size=1, max_size=8)


@given(LOADS)
def test_of_a_few_the_least_loaded_is_taken(loads: list[int]) -> None:
    replicas = [Candidate(number, load) for number, load in enumerate(loads)]
    assert choice(replicas).choose(replicas, ANY).in_flight == min(loads)


def test_equally_loaded_replicas_take_turns() -> None:
    replicas = candidates(3)
    made = choice(replicas)
    assert [made.choose(replicas, ANY).id for _ in range(6)] == [1, 2, 3, 1, 2, 3]


def test_requests_in_flight_count_by_what_a_replica_can_take() -> None:
    weak, strong = Candidate(1, in_flight=1, capacity=1), Candidate(2, in_flight=5, capacity=4)
    made = choice([weak, strong], "instance_aware_least_load")
    assert made.choose([weak, strong], ANY) is strong
    strong.in_flight = 8
    assert made.choose([weak, strong], ANY) is weak


def test_of_idle_replicas_the_strongest_gets_the_request() -> None:
    weak, strong = Candidate(1, capacity=0.5), Candidate(2, capacity=8)
    made = choice([weak, strong], "instance_aware_least_load")
    assert made.choose([weak, strong], ANY) is strong


def test_load_in_the_long_run_follows_capacity() -> None:
    replicas = [Candidate(1, capacity=1), Candidate(2, capacity=2), Candidate(3, capacity=5)]
    made = choice(replicas, "instance_aware_least_load")
    for _ in range(800):
        made.choose(replicas, ANY).in_flight += 1
    for replica in replicas:
        assert abs(replica.in_flight - 100 * replica.capacity) <= replica.capacity


def test_hundreds_of_replicas_are_loaded_evenly() -> None:
    replicas = candidates(500)
    made = choice(replicas)
    for _ in range(20_000):
        made.choose(replicas, ANY).in_flight += 1
    assert max(replica.in_flight for replica in replicas) <= 44
    assert min(replica.in_flight for replica in replicas) >= 35


def test_the_same_chance_gives_the_same_choices() -> None:
    first, second = candidates(100), candidates(100)
    assert chosen(choice(first, seed=7), first, 500) == chosen(choice(second, seed=7), second, 500)
