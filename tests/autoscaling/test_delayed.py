"""Requests per second, with SkyServe's delays."""

from __future__ import annotations

import pytest

from skyflow.autoscaling.decision import Rule
from skyflow.autoscaling.observation import Fleet
from tests.autoscaling.driving import Watch, settings

QPS = settings(qps=1)


@pytest.mark.parametrize(("per_second", "replicas"), [(0, 1), (1, 1), (3, 3), (99, 10)])
def test_replicas_are_requests_per_second_by_the_target_within_bounds(
    per_second: int, replicas: int
) -> None:
    watch = Watch(QPS)
    watch.keep(400, arrived=per_second)
    assert watch.target == replicas


def test_more_replicas_come_once_they_were_called_for_all_through_the_delay() -> None:
    watch = Watch(QPS)
    watch.keep(300, arrived=3)
    assert watch.target == 1
    assert watch.see(arrived=3).explanation.rule is Rule.DELAY
    assert watch.target == 3


def test_fewer_replicas_come_after_the_longer_delay() -> None:
    watch = Watch(QPS, target=5)
    watch.keep(1200, arrived=2)
    assert watch.target == 5
    watch.see(arrived=2)
    assert watch.target == 2


def test_delays_are_times_however_often_it_is_looked_at() -> None:
    watch = Watch(QPS)
    for _ in range(15):
        watch.see(seconds=20, arrived=60)
    assert watch.target == 1
    watch.see(seconds=20, arrived=60)
    assert watch.target == 3


def test_one_odd_sample_does_not_begin_a_delay_anew() -> None:
    watch = Watch(settings(qps=10), target=2)
    watch.keep(150, arrived=21)
    assert watch.see(seconds=5, arrived=0).explanation.readings[0].replicas == 2
    watch.see(arrived=126)
    watch.keep(144, arrived=21)
    assert watch.target == 2
    assert watch.see(arrived=21).target == 3


def test_a_tenth_of_the_delay_to_the_contrary_begins_it_anew() -> None:
    watch = Watch(QPS, target=2)
    watch.keep(200, arrived=3)
    watch.keep(70, arrived=0)
    watch.keep(200, arrived=3)
    assert watch.target == 2


def test_a_delay_ends_only_while_the_load_still_calls_for_it() -> None:
    watch = Watch(QPS, target=2)
    watch.keep(295, arrived=3)
    watch.see(seconds=20, arrived=0)
    assert watch.target == 2


def test_without_a_delay_the_load_is_followed_at_once() -> None:
    watch = Watch(settings(qps=1, qps_upscale_delay_seconds=0, qps_downscale_delay_seconds=0))
    watch.see(arrived=4)
    assert watch.target == 4
    watch.keep(65, arrived=2)
    assert watch.target == 2


def test_it_says_how_long_a_change_still_waits() -> None:
    watch = Watch(QPS, target=5)
    evaluation = watch.keep(961, arrived=2)
    assert evaluation.explanation.held == "scale-down waits 240 s more"


def test_soon_after_a_start_the_time_counts_that_was_observed() -> None:
    watch = Watch(QPS)
    assert watch.keep(10, arrived=3).explanation.readings[0].value == pytest.approx(3)


@pytest.mark.parametrize("load", [{"arrived": 1}, {"queued": 1}])
def test_the_first_request_wakes_a_service_at_zero(load: dict[str, int]) -> None:
    watch = Watch(settings(least=0, qps=10), target=0)
    assert watch.keep(70).target == 0
    evaluation = watch.see(**load)
    assert (evaluation.target, evaluation.explanation.rule) == (1, Rule.WAKE)


def test_it_goes_to_zero_only_if_the_bounds_allow_it() -> None:
    free, bound = Watch(settings(least=0, qps=1)), Watch(settings(least=1, qps=1))
    assert free.keep(1202).target == 0
    assert bound.keep(1202).target == 1


def test_it_never_goes_to_zero_while_a_request_is_being_worked_on() -> None:
    watch = Watch(settings(least=0, qps=1))
    assert watch.keep(2000, in_flight=1).target == 1


@pytest.mark.parametrize(
    ("per_second", "replicas"),
    [(0, 0), (3, 1), (4, 1), (5, 2), (6, 3), (7, 3), (8, 4), (11, 5)],
)
def test_replicas_that_differ_are_counted_by_what_each_can_take(
    per_second: int, replicas: int
) -> None:
    fast = settings(
        least=0,
        qps_by_accelerator={"A100": 4, "T4": 1},
        qps_upscale_delay_seconds=0,
        qps_downscale_delay_seconds=0,
    )
    watch = Watch(fast, target=1, capacities=(4, 1, 2))
    # Seven with those there are; a new one is taken for 7/3.
    watch.keep(1, arrived=per_second)
    assert watch.target == replicas


def test_from_zero_a_new_replica_is_taken_for_the_weakest() -> None:
    watch = Watch(settings(least=0, qps_by_accelerator={"A100": 4, "T4": 2}), target=0)
    watch.see(arrived=5)
    assert watch.target == 3


def test_replicas_that_differ_go_to_zero_and_come_back() -> None:
    watch = Watch(settings(least=0, qps_by_accelerator={"A100": 4}), capacities=(4.0,))
    assert watch.keep(1202).target == 0
    watch.fleet = Fleet(target=0)
    assert watch.see(arrived=1).target == 1
