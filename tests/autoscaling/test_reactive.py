"""Requests at once: windows, panic, stabilization, zero."""

from __future__ import annotations

import pytest

from skyflow.autoscaling.decision import Rule
from tests.autoscaling.driving import Watch, settings

ONGOING = settings(most=20, ongoing=10)
FROM_ZERO = settings(least=0, most=20, ongoing=10)


@pytest.mark.parametrize(("work", "replicas"), [(1, 1), (10, 1), (11, 2), (15, 2), (999, 20)])
def test_each_replica_gets_the_target(work: int, replicas: int) -> None:
    watch = Watch(ONGOING)
    watch.keep(120, in_flight=work)
    assert watch.target == replicas


def test_queue_length_counts_what_is_beyond_full_replicas() -> None:
    watch = Watch(settings(queue_length=2, max_concurrency=4))
    assert watch.keep(120, in_flight=8, queued=4).target == 2
    assert watch.keep(120, in_flight=8, queued=5).target == 3


def test_a_load_that_doubles_is_met_within_the_panic_window() -> None:
    watch = Watch(ONGOING)
    watch.keep(120, in_flight=10)
    evaluation = watch.keep(6, in_flight=40)
    assert (evaluation.target, evaluation.explanation.readings[0].window_seconds) == (4, 6)
    assert Rule.PANIC is evaluation.explanation.rule


def test_a_load_that_rises_less_is_met_by_the_stable_window() -> None:
    watch = Watch(ONGOING, target=4)
    watch.keep(120, in_flight=40)
    watch.keep(6, in_flight=50)
    assert watch.targets[-1] == 5
    assert watch.see(in_flight=50).explanation.rule is Rule.STEADY


def test_in_a_panic_the_number_never_falls() -> None:
    calm = settings(most=20, ongoing=10, downscale_delay_seconds=0)
    watch = Watch(calm)
    watch.keep(60, in_flight=10)
    watch.keep(6, in_flight=80)
    evaluation = watch.keep(50, in_flight=1)
    assert evaluation.target == 8
    assert evaluation.explanation.held == "no scale-down while in panic"


def test_after_a_peak_the_highest_number_holds_for_the_delay() -> None:
    watch = Watch(ONGOING, target=4)
    watch.keep(300, in_flight=38)
    evaluation = watch.keep(240, in_flight=5)
    assert evaluation.target == 4
    assert evaluation.explanation.held.startswith("scale-down waits")
    watch.keep(240, in_flight=5)
    assert watch.target == 1


def test_at_most_half_of_the_replicas_go_each_minute() -> None:
    watch = Watch(settings(most=20, ongoing=10, downscale_delay_seconds=0), target=16)
    watch.keep(60, in_flight=160)
    watch.keep(70, in_flight=1)
    held = [watch.see(in_flight=1).explanation.held for _ in range(40)]
    assert "step limit: at most half of the replicas a minute" in held
    for earlier, later in zip(watch.targets, watch.targets[59:], strict=False):
        assert later >= earlier // 2


def test_up_delay_takes_the_lowest_number_of_its_time() -> None:
    watch = Watch(settings(most=20, ongoing=10, upscale_delay_seconds=30))
    watch.keep(100, in_flight=10)
    evaluation = watch.keep(29, in_flight=40)
    assert evaluation.target == 1
    assert evaluation.explanation.held.startswith("scale-up waits")
    assert watch.keep(20, in_flight=40).target == 4


def test_a_burst_at_zero_is_one_launch_by_what_waits() -> None:
    watch = Watch(FROM_ZERO, target=0)
    watch.keep(100)
    evaluation = watch.see(arrived=95, queued=95)
    assert (evaluation.target, evaluation.explanation.rule) == (10, Rule.WAKE)
    assert set(watch.keep(60, queued=95, ready=0) and watch.targets[-60:]) == {10}


def test_while_none_is_ready_the_most_that_waits_counts() -> None:
    watch = Watch(FROM_ZERO, target=0)
    watch.see(arrived=1, queued=1, ready=0)
    evaluation = watch.see(arrived=60, queued=61, ready=0)
    assert (evaluation.target, evaluation.explanation.rule) == (7, Rule.WAKE)


def test_a_short_request_that_no_look_saw_wakes_too() -> None:
    watch = Watch(FROM_ZERO, target=0)
    assert watch.see(arrived=1).target == 1


def test_it_goes_to_zero_after_a_stable_window_and_the_delay_without_a_request() -> None:
    watch = Watch(FROM_ZERO, target=1)
    watch.keep(100, in_flight=1)
    assert watch.keep(355).target == 1
    assert watch.keep(30).target == 0


def test_a_request_now_and_then_keeps_one_replica() -> None:
    watch = Watch(settings(least=0, ongoing=10, downscale_delay_seconds=0))
    for _ in range(20):
        watch.see(arrived=1)
        watch.keep(50)
    assert watch.target == 1


def test_nothing_goes_before_enough_was_seen() -> None:
    watch = Watch(settings(least=0, ongoing=10, downscale_delay_seconds=0), target=4)
    assert watch.keep(40).target == 4
    assert watch.keep(10).target == 2


def test_between_the_target_and_nine_tenths_of_it_nothing_changes() -> None:
    watch = Watch(ONGOING, target=2)
    assert watch.keep(1000, in_flight=10).target == 2
    assert watch.keep(1000, in_flight=9).target == 1


def test_at_the_bounds_it_says_so() -> None:
    evaluation = Watch(ONGOING).keep(100, in_flight=500)
    assert evaluation.explanation.held == "at the most that the bounds allow"
    assert evaluation.explanation.readings[0].replicas == 50


@pytest.mark.parametrize(
    ("cold_start", "delay"), [(None, 300), (600, 300), (100, 250), (40, 100), (3, 60)]
)
def test_replicas_that_start_soon_are_not_kept_for_long(
    cold_start: float | None, delay: int
) -> None:
    watch = Watch(settings(most=20, ongoing=10), target=4, cold_start_seconds=cold_start)
    watch.keep(400, in_flight=40)
    watch.keep(delay - 5, in_flight=5)
    assert watch.target == 4
    watch.keep(200, in_flight=5)
    assert watch.target == 1


def test_a_delay_that_is_given_holds_however_soon_replicas_start() -> None:
    given = settings(most=20, ongoing=10, downscale_delay_seconds=200)
    watch = Watch(given, target=4, cold_start_seconds=3)
    watch.keep(400, in_flight=40)
    watch.keep(195, in_flight=5)
    assert watch.target == 4
