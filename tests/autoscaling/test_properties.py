"""What holds whatever the load is."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skyflow.autoscaling.autoscaler import Evaluation, evaluate
from skyflow.autoscaling.memory import Memory
from skyflow.autoscaling.observation import Fleet, Observation
from skyflow.autoscaling.settings import AutoscalingSettings
from skyflow.records import Record
from tests.autoscaling.driving import START, Watch
from tests.autoscaling.driving import settings as autoscaling
from tests.autoscaling.strategies import RUNS, WORK_SIGNALS, all_settings

few = settings(max_examples=30, deadline=None, derandomize=True)
R = TypeVar("R", bound=Record)
Run = list[tuple[Observation | None, int]]
LOADS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), min_size=1, max_size=12)
"""Requests, and how many fewer another service has, each for some seconds."""


def evaluations(
    wanted: AutoscalingSettings, run: Run, fleet: Fleet, *, through_json: bool = False
) -> list[Evaluation]:
    """Return what is decided in a run."""
    made: list[Evaluation] = []
    now, memory = START, Memory()
    for observation, times in run:
        for _ in range(times):
            now += observation.seconds if observation else 1
            seen = observation.model_copy(update={"at": now}) if observation else None
            if through_json:
                wanted, memory, fleet = again(wanted), again(memory), again(fleet)
                seen = again(seen) if seen else None
            made.append(evaluate(wanted, memory, seen, fleet, now))
            memory = made[-1].memory
            fleet = fleet.model_copy(update={"target": made[-1].target})
    return made


def again(record: R) -> R:
    return type(record).model_validate_json(record.model_dump_json())


@few
@given(wanted=all_settings(), run=RUNS, target=st.integers(0, 40))
def test_bounds_are_never_broken(wanted: AutoscalingSettings, run: Run, target: int) -> None:
    fleet = Fleet(target=target, capacities=(4, 1), cold_start_seconds=90)
    for evaluation in evaluations(wanted, run, fleet):
        bounds = evaluation.explanation.bounds
        extra = wanted.overprovision if evaluation.target else 0
        assert bounds.least <= evaluation.target - extra <= bounds.most


@few
@given(wanted=all_settings(), run=RUNS, target=st.integers(0, 40))
def test_a_saved_decision_replays_to_itself(
    wanted: AutoscalingSettings, run: Run, target: int
) -> None:
    fleet = Fleet(target=target, capacities=(4, 1), cold_start_seconds=90)
    straight = evaluations(wanted, run, fleet)
    assert straight == evaluations(wanted, run, fleet, through_json=True)
    assert straight[-1] == again(straight[-1])


@few
@given(wanted=all_settings(), run=RUNS)
def test_memory_stays_small(wanted: AutoscalingSettings, run: Run) -> None:
    last = evaluations(wanted, run, Fleet(target=1))[-1].memory
    assert len(last.spans) <= 30
    assert len(last.model_dump_json()) < 8000


@few
@given(loads=LOADS, signals=st.sampled_from(WORK_SIGNALS), delay=st.sampled_from([0.0, 20.0]))
def test_with_more_requests_at_once_there_are_never_fewer_replicas(
    loads: list[tuple[int, int]], signals: dict[str, Any], delay: float
) -> None:
    wanted = autoscaling(
        least=0, most=50, upscale_delay_seconds=delay, downscale_delay_seconds=60, **signals
    )
    assert_monotone(wanted, loads)


@few
@given(loads=LOADS, capacities=st.sampled_from([None, (), (4.0, 1.0, 2.0)]))
def test_with_more_requests_per_second_there_are_never_fewer_replicas(
    loads: list[tuple[int, int]], capacities: tuple[float, ...] | None
) -> None:
    rates: dict[str, Any] = {"qps": 2} if capacities is None else {"qps_by_accelerator": {"T4": 2}}
    at_once = {"qps_upscale_delay_seconds": 0, "qps_downscale_delay_seconds": 0}
    wanted = autoscaling(least=0, most=50, **rates, **at_once)
    assert_monotone(wanted, loads, capacities or ())


def assert_monotone(
    wanted: AutoscalingSettings, loads: list[tuple[int, int]], capacities: tuple[float, ...] = ()
) -> None:
    more = Watch(wanted, target=2, capacities=capacities)
    fewer = Watch(wanted, target=2, capacities=capacities)
    for load, less in loads:
        for _ in range(15):
            low = max(0, load - less)
            more.see(arrived=load, in_flight=load, ready=3)
            fewer.see(arrived=low, in_flight=low, ready=3)
            assert more.target >= fewer.target


@few
@given(loads=st.lists(st.integers(0, 60), min_size=2, max_size=6), delays=st.booleans())
def test_rising_requests_per_second_never_take_replicas_away(
    loads: list[int], delays: bool
) -> None:
    up, down = (40, 60) if delays else (0, 0)
    delayed = {"qps_upscale_delay_seconds": up, "qps_downscale_delay_seconds": down}
    watch = Watch(autoscaling(least=0, most=50, qps=2, **delayed), target=0)
    for load in sorted(loads):
        watch.keep(30, arrived=load)
    assert all(earlier <= later for earlier, later in pairwise(watch.targets))


@pytest.mark.parametrize("overprovision", [0, 2])
@pytest.mark.parametrize("load", [0, 1, 12, 200])
@pytest.mark.parametrize("signals", [{"qps": 2}, *WORK_SIGNALS])
def test_constant_load_reaches_a_fixed_point_and_stays(
    signals: dict[str, Any], load: int, overprovision: int
) -> None:
    wanted = autoscaling(
        least=0,
        most=50,
        overprovision=overprovision,
        qps_downscale_delay_seconds=300,
        **signals,
    )
    watch = Watch(wanted, target=9, cold_start_seconds=60)
    watch.keep(600, arrived=load, in_flight=load)
    settled = watch.target
    watch.keep(400, arrived=load, in_flight=load)
    assert set(watch.targets[-400:]) == {settled}
    assert (settled == 0) == (load == 0)


@pytest.mark.parametrize("lasts", [1, 400])
@pytest.mark.parametrize(
    "signals", [{"qps": 100}, {"ongoing": 100}, {"queue_length": 20, "max_concurrency": 80}]
)
@pytest.mark.parametrize("replicas", [1, 5])
def test_noise_around_a_threshold_changes_the_number_once_at_most(
    replicas: int, signals: dict[str, Any], lasts: int
) -> None:
    rng = random.Random(replicas)
    watch = Watch(autoscaling(most=50, **signals), target=replicas, cold_start_seconds=60)
    for second in range(3600):
        if second % lasts == 0:
            load = round(100 * replicas * rng.uniform(0.9, 1.1))
        watch.see(arrived=load, in_flight=load)
    assert sum(one != other for one, other in pairwise(watch.targets)) <= 1
