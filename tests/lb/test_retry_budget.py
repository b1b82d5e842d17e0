from __future__ import annotations

import pytest

from lb.data.retry_budget import AT_LEAST, WINDOW_SECONDS, RetryBudget


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def spend_all(budget: RetryBudget, in_flight: int = 0) -> int:
    spent = 0
    while budget.spend(in_flight):
        spent += 1
    return spent


def test_a_few_repeats_are_always_allowed(clock: Clock) -> None:
    assert spend_all(RetryBudget(clock)) == AT_LEAST == 3


def test_a_fifth_of_the_requests_may_be_repeated(clock: Clock) -> None:
    budget = RetryBudget(clock)
    for _ in range(100):
        budget.sent()
    assert spend_all(budget) == 20
    assert budget.spent == 20


def test_requests_that_were_sent_long_ago_and_are_under_way_count(clock: Clock) -> None:
    budget = RetryBudget(clock)
    for _ in range(100):
        budget.sent()
    clock.now += 10 * WINDOW_SECONDS
    assert spend_all(budget, in_flight=50) == 10


def test_requests_and_repeats_are_forgotten_second_by_second(clock: Clock) -> None:
    budget = RetryBudget(clock)
    for _ in range(100):
        budget.sent()
    assert spend_all(budget) == 20
    clock.now += WINDOW_SECONDS - 1
    for _ in range(50):
        budget.sent()
    assert spend_all(budget) == 10
    clock.now += 1
    assert spend_all(budget) == 0
    clock.now += WINDOW_SECONDS - 1
    assert spend_all(budget) == AT_LEAST
