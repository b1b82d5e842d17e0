"""Objectives for the slowest 5 % of requests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.autoscaling.driving import Watch, counts, settings
from tests.autoscaling.simulation import Simulation

P95 = settings(least=0, most=20, latency_p95_seconds=1)


def slow(seconds: float, number: int = 2, **more: Any) -> dict[str, Any]:
    return {"arrived": number, "in_flight": 1, "latency": counts(seconds, number), **more}


@pytest.mark.parametrize(("seconds", "replicas"), [(1, 4), (1.5, 7), (9, 8)])
def test_more_replicas_come_in_proportion_and_at_most_twice_as_many(
    seconds: float, replicas: int
) -> None:
    watch = Watch(P95, target=4)
    watch.keep(11, **slow(seconds))
    assert watch.target == replicas


def test_fewer_than_twenty_durations_do_not_speak_of_the_slowest() -> None:
    watch = Watch(P95, target=2)
    evaluation = watch.keep(9, **slow(9))
    assert (evaluation.target, evaluation.explanation.readings[0].value) == (2, None)


def test_time_to_first_byte_has_an_objective_of_its_own() -> None:
    watch = Watch(settings(first_byte_p95_seconds=1), target=2)
    load = slow(0.1, first_byte=counts(9, 2))
    assert watch.keep(11, **load).target == 4


def test_one_overload_does_not_ask_for_more_while_the_new_ones_start() -> None:
    watch = Watch(P95, target=2)
    watch.keep(11, **slow(5))
    assert watch.keep(100, **slow(5), ready=2).target == 4


def test_what_began_before_the_new_ones_were_ready_does_not_count() -> None:
    watch = Watch(P95, target=2)
    watch.keep(11, **slow(5))
    assert watch.keep(14, **slow(5), ready=4).target == 4
    assert watch.keep(5, **slow(5), ready=4).target == 8


def test_if_missing_replicas_never_come_those_there_speak_for_themselves() -> None:
    watch = Watch(P95, target=4)
    assert watch.keep(290, **slow(5), ready=3).target == 4
    assert watch.keep(30, **slow(5), ready=3).target == 8


def test_if_all_is_fast_a_quarter_goes_at_a_time() -> None:
    watch = Watch(P95, target=8)
    watch.keep(360, **slow(0.1))
    assert watch.target == 6


def test_it_does_not_go_to_where_the_objective_was_missed() -> None:
    watch = Watch(P95, target=2)
    watch.keep(11, **slow(1.3))
    assert watch.target == 3
    watch.keep(2000, **slow(0.3))
    assert watch.target == 3


def test_with_less_load_it_goes_as_far_as_the_objective_was_met() -> None:
    watch = Watch(P95, target=2)
    watch.keep(11, **slow(1.3))
    assert watch.keep(100, **slow(0.3)).target == 3
    watch.keep(600, **slow(0.3, number=1))
    assert watch.target == 2


def test_few_fast_requests_need_few_replicas() -> None:
    watch = Watch(P95, target=4)
    for _ in range(100):
        watch.keep(19)
        watch.see(**slow(0.1, number=1))
    assert watch.target == 1


def test_few_slow_requests_change_nothing() -> None:
    watch = Watch(P95, target=4)
    for _ in range(60):
        watch.keep(9, in_flight=1)
        watch.see(**slow(5, number=1))
    assert watch.target == 4


def test_without_any_request_it_goes_to_zero_and_comes_back() -> None:
    watch = Watch(P95, target=4)
    assert watch.keep(800).target == 0
    assert watch.see(arrived=1, queued=1).target == 1


@pytest.mark.parametrize("overprovision", [0, 2])
@pytest.mark.parametrize(("rate", "needed"), [(3.0, 2), (19.0, 10)])
def test_constant_load_on_a_queue_reaches_a_fixed_point(
    rate: float, needed: int, overprovision: int
) -> None:
    wanted = settings(most=30, latency_p95_seconds=1, overprovision=overprovision)
    simulation = Simulation(Watch(wanted, target=1 + overprovision), rate=rate, service_seconds=0.5)
    simulation.run(1500)
    targets = simulation.run(900)
    assert len(set(targets)) == 1
    assert needed <= targets[0] <= 2 * needed + overprovision
