"""Load that rises while replicas take long to start."""

from __future__ import annotations

import random

import pytest

from skyflow.autoscaling.decision import Rule
from skyflow.autoscaling.trend import growth
from skyflow.autoscaling.window import Span
from tests.autoscaling.driving import START, Watch, settings


def spans(*arrived: float) -> tuple[Span, ...]:
    return tuple(
        Span(at=START + second, seconds=1, arrived=round(number), work=number)
        for second, number in enumerate(arrived, 1)
    )


def growth_of(*arrived: float, horizon: float = 60) -> float:
    return growth(spans(*arrived), START + 60, horizon)


def test_a_ramp_is_carried_on_to_the_horizon() -> None:
    ramp = [100 + 2 * second for second in range(60)]
    assert growth_of(*ramp, horizon=30) == pytest.approx((100 + 2 * 90) / 159, abs=0.02)


def test_load_is_never_expected_to_grow_to_more_than_twice_its_present() -> None:
    ramp = [100 + 2 * second for second in range(60)]
    assert growth_of(*ramp, horizon=600) == pytest.approx(2 * 220 / 159, abs=0.02)


@pytest.mark.parametrize("when", range(2, 60, 3))
def test_a_step_is_no_ramp(when: int) -> None:
    assert growth_of(*[50] * when, *[200] * (60 - when)) == 1


def test_a_load_that_falls_is_not_carried_on() -> None:
    assert growth_of(*[300 - 4 * second for second in range(60)]) == 1


def test_a_window_that_was_not_seen_whole_tells_nothing() -> None:
    assert growth(spans(*range(100, 140)), START + 40, 60) == 1


@pytest.mark.parametrize("mean", [1, 10, 100])
def test_requests_that_come_independently_at_a_constant_rate_are_no_trend(mean: int) -> None:
    rng = random.Random(7)
    trace = [_poisson(rng, mean) for _ in range(1200)]
    grown = [growth_of(*trace[begin : begin + 60]) for begin in range(0, 1140, 5)]
    assert set(grown) == {1.0}


def test_rising_load_starts_replicas_before_it_is_there() -> None:
    watch = Watch(settings(most=50, ongoing=10), target=11, cold_start_seconds=60)
    watch.keep(120, in_flight=100, arrived=100)
    rules = []
    for second in range(60):
        load = 100 + 2 * second
        rules.append(watch.see(in_flight=load, arrived=load).explanation.rule)
    assert Rule.TREND in rules
    assert watch.target > 25


def test_without_a_known_cold_start_nothing_is_predicted() -> None:
    watch = Watch(settings(most=50, ongoing=10), target=11)
    for second in range(60):
        watch.see(in_flight=100 + 2 * second, arrived=100 + 2 * second)
    assert watch.target == 16


def _poisson(rng: random.Random, mean: float) -> int:
    """Return how many requests come in a second."""
    count, time = 0, rng.expovariate(mean)
    while time < 1:
        count, time = count + 1, time + rng.expovariate(mean)
    return count
