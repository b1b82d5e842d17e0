"""What balancers have counted becomes what happened between two looks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from skyflow.autoscaling.metering import observe
from skyflow.autoscaling.observation import Observation
from skyflow.autoscaling.progress import LoadProgress
from skyflow.histograms import BUCKETS
from skyflow.load import Durations, LoadReport, ProcessLoad, ServiceLoad

ONE = (1, 1, 0, 2)
"""Requests that arrived and ended, that wait, and that are being worked on, in one second."""
SECONDS = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 9), st.integers(0, 9))


def process(name: str, sequence: int, *seconds: tuple[int, int, int, int]) -> ProcessLoad:
    """Return what a process has counted after some seconds."""
    arrived, ended = sum(each[0] for each in seconds), sum(each[1] for each in seconds)
    counts = tuple(ended if bucket == 7 else 0 for bucket in range(BUCKETS))
    load = ServiceLoad(
        service="demo",
        incarnation="i1",
        arrived=arrived,
        ended=ended,
        latency=Durations(counts=counts),
        queued=seconds[-1][2],
        in_flight=seconds[-1][3],
        ready_replicas=2,
    )
    return ProcessLoad(process=name, sequence=sequence, services=(load,))


def report(*processes: ProcessLoad) -> LoadReport:
    return LoadReport(processes=processes)


def looks(*reports: LoadReport, begin: LoadProgress | None = None) -> list[Observation]:
    """Return what is observed by one look a second."""
    progress, seen = begin or LoadProgress(), []
    for second, each in enumerate(reports, start=1):
        observation, progress = observe(progress, each, "demo", "i1", float(second))
        progress = LoadProgress.model_validate_json(progress.model_dump_json())
        seen.append(observation)
    return seen


def test_what_was_counted_before_the_first_look_is_not_taken_for_load() -> None:
    [first] = looks(report(process("a", 1, *[ONE] * 1000)))
    assert (first.arrived, first.latency) == (0, {})
    assert (first.in_flight, first.ready) == (2, 2)


def test_a_look_has_what_came_since_the_last_one() -> None:
    before, after = [ONE] * 5, [ONE] * 8
    _, second = looks(report(process("a", 1, *before)), report(process("a", 2, *after)))
    assert (second.arrived, second.latency, second.seconds) == (3, {7: 3}, 1.0)


def test_all_that_a_process_counted_which_is_new_came_since_the_last_look() -> None:
    old = process("a", 1, *[ONE] * 100)
    _, second = looks(report(old), report(old, process("b", 1, ONE, ONE)))
    assert second.arrived == 2


def test_a_process_that_is_missing_once_is_not_counted_again_as_a_whole() -> None:
    reports = [report(process("a", n, *[ONE] * (99 + n))) for n in (1, 2, 3)]
    *_, missing, third = looks(reports[0], report(), reports[2])
    assert (missing.arrived, third.arrived) == (0, 2)


def test_a_gap_is_one_long_look() -> None:
    before, after = (report(process("a", n, *[ONE] * (10 * n))) for n in (1, 4))
    _, progress = observe(LoadProgress(), before, "demo", "i1", 100.0)
    observation, _ = observe(progress, after, "demo", "i1", 130.0)
    assert (observation.arrived, observation.seconds) == (30, 30.0)


def test_another_incarnation_is_none_of_it() -> None:
    seen, _ = observe(LoadProgress(), report(process("a", 1, ONE)), "demo", "i2", 1.0)
    assert (seen.in_flight, seen.ready) == (0, 0)


@settings(max_examples=50)
@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=8))
def test_two_balancers_with_a_part_each_say_what_one_with_all_says(
    seconds: list[tuple[tuple[int, int, int, int], tuple[int, int, int, int]]],
) -> None:
    ones, others = [one for one, _ in seconds], [other for _, other in seconds]
    both = [tuple(map(sum, zip(one, other, strict=True))) for one, other in seconds]
    count = range(1, len(seconds) + 1)
    parts = [report(process("a", n, *ones[:n]), process("b", n, *others[:n])) for n in count]
    whole = [report(process("c", n, *both[:n])) for n in count]  # type: ignore[arg-type]
    assert looks(*parts) == looks(*whole)
