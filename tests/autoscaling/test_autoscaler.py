"""Several rules together, updates, and what is explained."""

from __future__ import annotations

from skyflow.autoscaling.decision import Rule
from skyflow.autoscaling.settings import Bounds
from tests.autoscaling.driving import Watch, counts, settings


def test_the_signal_that_asks_for_most_wins_and_is_named() -> None:
    watch = Watch(settings(ongoing=10, queue_length=1, max_concurrency=2))
    evaluation = watch.keep(100, in_flight=17)
    assert (evaluation.target, evaluation.explanation.signal) == (6, "queue length")
    assert [reading.replicas for reading in evaluation.explanation.readings] == [2, 6]


def test_of_two_rules_the_higher_one_counts() -> None:
    watch = Watch(settings(qps=1, ongoing=10), target=5)
    evaluation = watch.keep(500, arrived=1, in_flight=1)
    assert evaluation.target == 5
    assert evaluation.explanation.held == "scale-down waits 701 s more"


def test_over_provision_comes_on_top_of_the_bounds() -> None:
    watch = Watch(settings(most=4, ongoing=1, overprovision=2), target=3)
    assert watch.keep(100, in_flight=99).target == 6


def test_there_is_no_over_provision_at_zero() -> None:
    watch = Watch(settings(least=0, ongoing=1, overprovision=2), target=3)
    assert watch.keep(500).target == 0
    assert watch.see(arrived=1, queued=1).target == 3


def test_a_new_watch_changes_nothing_by_itself() -> None:
    watch = Watch(settings(qps=1, ongoing=1, latency_p95_seconds=1, overprovision=1), target=6)
    evaluation = watch.see(arrived=5, in_flight=4, latency=counts(0.1, 30))
    assert (evaluation.target, evaluation.explanation.rule) == (6, Rule.STEADY)


def test_a_new_watch_knows_the_over_provision_that_is_in_force() -> None:
    watch = Watch(settings(qps=1, overprovision=3), target=4, overprovision=0)
    evaluation = watch.see(arrived=4)
    assert (evaluation.target, evaluation.explanation.rule) == (7, Rule.OVERPROVISION)


def test_after_an_update_the_number_is_found_anew_at_once() -> None:
    watch = Watch(settings(qps=1), target=8)
    watch.keep(100, arrived=3)
    assert watch.target == 8
    watch.settings = settings(qps=1, overprovision=1)
    assert watch.see(arrived=3).target == 4


def test_an_update_of_a_reactive_service_passes_over_delays_and_steps() -> None:
    watch = Watch(settings(ongoing=1), target=9)
    watch.keep(100, in_flight=3)
    assert watch.target == 9
    watch.settings = settings(ongoing=2)
    assert watch.see(in_flight=3).target == 2


def test_an_update_soon_after_a_start_waits_for_a_load_that_is_known() -> None:
    watch = Watch(settings(ongoing=1), target=9)
    watch.keep(5, in_flight=3)
    watch.settings = settings(ongoing=2)
    assert watch.see(in_flight=3).target == 9


def test_bounds_that_change_force_the_number_at_once() -> None:
    watch = Watch(settings(ongoing=1), target=8)
    watch.keep(100, in_flight=8)
    watch.settings = settings(most=5, ongoing=1)
    evaluation = watch.see(in_flight=8)
    assert (evaluation.target, evaluation.explanation.rule) == (5, Rule.BOUNDS)
    assert evaluation.explanation.bounds == Bounds(least=1, most=5)


def test_without_an_answer_of_the_balancers_nothing_changes() -> None:
    watch = Watch(settings(qps=1, ongoing=1), target=5)
    watch.keep(100, in_flight=5)
    for _ in range(50):
        evaluation = watch.miss(60)
    assert evaluation.target == 5
    assert evaluation.explanation.held == "no balancer answered"


def test_what_was_seen_before_a_long_silence_no_longer_counts() -> None:
    watch = Watch(settings(ongoing=1), target=5)
    watch.keep(100, in_flight=5)
    watch.miss(4000)
    evaluation = watch.see(seconds=4001, in_flight=2)
    assert evaluation.explanation.readings[0].value == 2
    assert len(watch.memory.spans) == 1


def test_a_long_interval_is_spread_over_its_time() -> None:
    watch = Watch(settings(qps=1))
    evaluation = watch.see(seconds=600, arrived=1200)
    assert evaluation.explanation.readings[0].value == 2


def test_a_clock_that_is_set_back_keeps_nothing_for_longer() -> None:
    watch = Watch(settings(ongoing=1, most=50), target=2)
    watch.keep(100, in_flight=40)
    watch.now -= 86400
    watch.keep(600, in_flight=1)
    assert watch.target <= 3


def test_a_decision_not_taken_over_yet_keeps_its_reason() -> None:
    watch = Watch(settings(qps=1, qps_upscale_delay_seconds=0), target=1)
    watch.see(arrived=3)
    watch.fleet = watch.fleet.model_copy(update={"target": 1})
    explanation = watch.see(arrived=3).explanation
    assert (explanation.previous, explanation.target, explanation.rule) == (1, 3, Rule.DELAY)


def test_the_explanation_is_one_line() -> None:
    watch = Watch(settings(ongoing=2, most=3), target=1)
    assert watch.keep(60, in_flight=8).explanation.text() == (
        "target 3; rule: bounds; ongoing requests 8 over 60 s, should be 2: 4 replicas; "
        "bounds 1 to 3; at the most that the bounds allow"
    )
