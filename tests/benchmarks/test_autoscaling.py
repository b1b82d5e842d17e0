"""The comparison of autoscaling rules: the simulator, the rules of others, and a short run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.autoscaling.__main__ import main
from benchmarks.autoscaling.azure import FILE, azure
from benchmarks.autoscaling.peers.hpa import HorizontalPodAutoscaler
from benchmarks.autoscaling.peers.knative import PodAutoscaler
from benchmarks.autoscaling.peers.ray_serve import QueueLength
from benchmarks.autoscaling.peers.skyserve import RequestRate
from benchmarks.autoscaling.requests import SLOTS, Request
from benchmarks.autoscaling.results import Point, Results
from benchmarks.autoscaling.sight import Autoscaler, Sight
from benchmarks.autoscaling.simulation import PATIENCE_SECONDS, Outcome, simulate
from benchmarks.autoscaling.traces import NAMES, Trace, built_in
from skyflow.autoscaling.settings import Bounds

BOUNDS = Bounds(least=0, most=100)


class Planned:
    """Wants what a plan says for each second."""

    period = 1.0

    def __init__(self, *plan: int) -> None:
        self._plan = plan

    def decide(self, sight: Sight) -> int:
        return self._plan[min(round(sight.now), len(self._plan) - 1)]


def simulated(
    requests: Sequence[Request], *plan: int, cold_start: float = 10, ready: int = 1
) -> Outcome:
    end = max(math.ceil(each.at) for each in requests) + 1
    return simulate(Trace("", "", list(requests), end), Planned(*plan), cold_start, 0, ready)


def evenly(number: int, seconds: float, *, each: float) -> list[Request]:
    return [Request(seconds * n / number, 0.1, each) for n in range(number)]


def test_every_request_is_answered_or_given_up() -> None:
    outcome = simulated(evenly(500, 100, each=9), 1)
    assert outcome.gave_up > 0
    assert outcome.answered + outcome.gave_up == outcome.requests == 500


@pytest.mark.parametrize("name", NAMES)
def test_no_request_is_lost_in_any_trace(name: str) -> None:
    [trace] = built_in([name], seed=3, shorter=10)
    outcome = simulate(trace, PodAutoscaler(BOUNDS, 4), 30, 0, 2)
    assert outcome.answered + outcome.gave_up == len(trace.requests)


def test_requests_beyond_all_slots_wait_their_turn() -> None:
    outcome = simulated([Request(0, 0.1, 3)] * (SLOTS + 1), 1)
    assert (outcome.answered, outcome.over) == (SLOTS + 1, 1)


def test_a_replica_serves_only_after_its_cold_start() -> None:
    assert simulated([Request(0.5, 0.1, 1)], 0, 1, cold_start=1, ready=0).over == 0
    assert simulated([Request(0.5, 0.1, 1)], 0, 1, cold_start=20, ready=0).over == 1


def test_who_waits_too_long_gives_up() -> None:
    outcome = simulated([Request(0, 0.1, 1)], 0, 1, cold_start=2 * PATIENCE_SECONDS, ready=0)
    assert (outcome.answered, outcome.gave_up, outcome.over) == (0, 1, 1)


def test_a_replica_that_leaves_finishes_what_it_has_and_costs_until_then() -> None:
    requests = [Request(0, 0.1, 50), Request(100, 0.1, 1)]
    outcome = simulated(requests, *[1] * 10, *[0] * 80, 1, cold_start=5)
    assert outcome.answered == 2
    # Fifty seconds of the first, and from second 90 to the end of the trace of the second.
    assert outcome.replica_hours * 3600 == pytest.approx(50 + 11, abs=0.1)


def test_cold_starts_are_paid_for() -> None:
    outcome = simulated([Request(0, 0.1, 1), Request(99, 0.1, 1)], 1, 2, 1)
    assert outcome.replica_hours * 3600 == pytest.approx(100 + 1, abs=0.1)


def test_traces_are_the_same_from_the_same_seed() -> None:
    one, same, other = (built_in(["spikes"], seed, shorter=10)[0] for seed in (1, 1, 2))
    assert one.requests == same.requests != other.requests


def test_the_azure_trace_is_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,800,44\n"
        "2023-11-16 18:15:50.9305900,400,100\n"
    )
    trace = azure(tmp_path, factor=1, seed=0)
    first, second = trace.requests
    assert (first.at, first.prompt_seconds, first.seconds) == pytest.approx((0, 0.1, 2.3))
    assert (second.at, second.prompt_seconds, second.seconds) == pytest.approx((4.25, 0.05, 5.05))
    assert len(azure(tmp_path, factor=3, seed=0).requests) == 6


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("time,tokens\n1,2\n")
    with pytest.raises(ValueError, match="TIMESTAMP"):
        azure(tmp_path, factor=1, seed=0)


def driven(
    autoscaler: Autoscaler,
    seconds: float,
    *,
    work: int = 0,
    rate: float = 0,
    target: int = 1,
    begin: float = 0,
) -> int:
    """Return the target after a constant load, with replicas that start at once."""
    now, period = begin, autoscaler.period
    while now <= begin + seconds:
        target = autoscaler.decide(
            Sight(
                now=now,
                seconds=period,
                arrived=round(rate * period),
                in_flight=work,
                queued=0,
                mean_work=work,
                ready=target,
                target=target,
            )
        )
        now += period
    return target


def test_hpa_takes_the_example_of_its_documentation() -> None:
    # "if the current metric value is 200m, and the desired value is 100m, the number of replicas
    # will be doubled"; within a tolerance of 0.1 nothing changes.
    assert driven(HorizontalPodAutoscaler(BOUNDS, 100), 0, work=2 * 200, target=2) == 4
    assert driven(HorizontalPodAutoscaler(BOUNDS, 100), 600, work=10 * 92, target=10) == 10


def test_hpa_adds_four_or_doubles_at_most_in_fifteen_seconds() -> None:
    assert driven(HorizontalPodAutoscaler(BOUNDS, 1), 0, work=50, target=2) == 6
    assert driven(HorizontalPodAutoscaler(BOUNDS, 1), 0, work=50, target=10) == 20


def test_hpa_goes_down_after_five_minutes() -> None:
    assert driven(HorizontalPodAutoscaler(BOUNDS, 1), 280, work=2, target=9) == 9
    assert driven(HorizontalPodAutoscaler(BOUNDS, 1), 320, work=2, target=9) == 2


def test_knative_panics_at_twice_the_target_and_then_does_not_go_down() -> None:
    rule = PodAutoscaler(BOUNDS, 10)
    assert driven(rule, 60, work=10) == 1
    assert driven(rule, 4, work=60, begin=62) == 6
    assert driven(rule, 50, work=10, begin=68, target=6) == 6
    assert driven(rule, 120, work=10, begin=120, target=6) == 1


def test_knative_keeps_the_last_pod_through_the_window_and_the_grace_period() -> None:
    rule = PodAutoscaler(BOUNDS, 10)
    driven(rule, 60, work=5)
    assert driven(rule, 84, begin=62) == 1
    assert driven(rule, 10, begin=148) == 0


def test_skyserve_waits_fifteen_ticks_up_and_sixty_down() -> None:
    assert driven(RequestRate(BOUNDS, 1.0), 275, rate=3) == 1
    assert driven(RequestRate(BOUNDS, 1.0), 400, rate=3) == 3
    assert driven(RequestRate(BOUNDS, 1.0), 1175, rate=1, target=4) == 4
    assert driven(RequestRate(BOUNDS, 1.0), 1260, rate=1, target=4) == 1


def test_one_tick_that_says_otherwise_begins_the_delay_of_skyserve_anew() -> None:
    rule = RequestRate(BOUNDS, 1.0)
    assert driven(rule, 240, rate=3) == 1
    assert driven(rule, 75, rate=0, begin=245) == 1
    assert driven(rule, 200, rate=3, begin=325) == 1


def test_ray_serve_waits_thirty_seconds_up_and_ten_minutes_down() -> None:
    assert driven(QueueLength(BOUNDS, 2), 29, work=9) == 1
    assert driven(QueueLength(BOUNDS, 2), 31, work=9) == 5
    assert driven(QueueLength(BOUNDS, 2), 590, work=2, target=5) == 5
    assert driven(QueueLength(BOUNDS, 2), 602, work=2, target=5) == 1


def test_ray_serve_starts_one_replica_from_none() -> None:
    sight = Sight(0, 1, arrived=9, in_flight=0, queued=9, mean_work=9, ready=0, target=0)
    assert QueueLength(BOUNDS, 2).decide(sight) == 1


def point(hours: float, over: float, *, is_ours: bool = False) -> Point:
    return Point("x", "rule", 1, "", True, is_ours, hours, over, 0, 0)


def test_the_front_is_what_nothing_is_better_than() -> None:
    best = [point(1, 0.5), point(2, 0.1), point(3, 0.0, is_ours=True)]
    results = Results({}, {"x": ""}, [*best, point(2, 0.2), point(4, 0.0), point(3, 0.3)])
    assert results.front("x") == best
    assert results.holds("x")
    assert "1 of the 3" in results.verdict("x")


def test_a_quick_run_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--names", "on-off", "--period", "5", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "## on-off, cold start 120 s" in printed
    assert "Ours on the Pareto front?" in printed
    written = json.loads((tmp_path / "autoscaling.json").read_text())
    rules = {each["rule"] for each in written["points"]}
    assert {"skyflow ongoing", "SkyServe", "Knative", "Ray Serve", "HPA"} <= rules
