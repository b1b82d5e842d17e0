"""Measures of several processes are added up exactly, in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyflow.histograms import BOUNDS, BUCKETS, Histogram, added, quantile
from skyflow.load import Durations, LoadReport, ProcessLoad, ServiceLoad

SECONDS = st.floats(0, 5000)
MANY = st.lists(SECONDS, max_size=30)
COUNT = st.integers(0, 1000)


def durations(seconds: list[float]) -> Durations:
    histogram = Histogram()
    histogram.observe(seconds)
    return Durations(counts=tuple(histogram.counts), microseconds=histogram.microseconds)


LOADS = st.builds(
    ServiceLoad,
    service=st.just("demo"),
    incarnation=st.just("i1"),
    arrived=COUNT,
    ended=COUNT,
    completion_tokens=COUNT,
    latency=MANY.map(durations),
    queued=COUNT,
    ready_replicas=COUNT,
    oldest_wait_seconds=SECONDS,
    replica_in_flight=st.dictionaries(st.integers(1, 4), COUNT),
)
REPORTS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9)).map(
    lambda found: LoadReport(
        processes=tuple(
            ProcessLoad(process=process, sequence=number) for process, number in found.items()
        )
    ).merged(LoadReport())
)


@given(MANY, MANY)
def test_two_halves_equal_the_whole(one: list[float], other: list[float]) -> None:
    assert durations(one).merged(durations(other)) == durations(one + other)


@given(MANY, MANY)
def test_what_was_added_is_the_difference(before: list[float], after: list[float]) -> None:
    assert durations(before + after).since(durations(before)) == durations(after)


@given(LOADS, LOADS, LOADS)
def test_loads_merge_in_any_order(a: ServiceLoad, b: ServiceLoad, c: ServiceLoad) -> None:
    assert a.merged(b) == b.merged(a)
    assert a.merged(b).merged(c) == a.merged(b.merged(c))


@given(REPORTS, REPORTS, REPORTS)
def test_reports_merge_in_any_order_and_twice(a: LoadReport, b: LoadReport, c: LoadReport) -> None:
    assert a.merged(b) == b.merged(a)
    assert a.merged(b).merged(c) == a.merged(b.merged(c))
    assert a.merged(b).merged(b) == a.merged(b)


@given(LOADS, LOADS)
def test_only_what_is_new_counts_and_a_new_process_counts_whole(
    before: ServiceLoad, more: ServiceLoad
) -> None:
    earlier = LoadReport(processes=(ProcessLoad(process="a", sequence=1, services=(before,)),))
    now = before.merged(more)
    later = LoadReport(
        processes=(
            ProcessLoad(process="a", sequence=2, services=(now,)),
            ProcessLoad(process="b", sequence=1, services=(more,)),
        )
    )
    found = later.since(earlier).total("demo", "i1")
    assert found.arrived == 2 * more.arrived
    assert found.latency == more.latency.merged(more.latency)


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_quantile_is_in_the_bucket_of_the_true_one(seconds: list[float], share: float) -> None:
    found = durations(seconds).quantile(share)
    rank = max(share * len(seconds), 1)
    true = sorted(seconds)[min(len(seconds), -int(-rank // 1)) - 1]
    assert found is not None
    assert found / 2**0.25 * 0.999 <= true <= found * 2**0.25 * 1.001


def test_no_durations_have_no_quantile_and_the_longest_have_the_last_bound() -> None:
    assert quantile((0,) * BUCKETS, 0.95) is None
    assert durations([1e6]).quantile(0.95) == BOUNDS[-1]


def test_counts_of_other_buckets_are_not_added() -> None:
    with pytest.raises(ValueError):
        added((1, 2), (1, 2, 3))


def test_a_process_that_ended_leaves_its_counts_and_nothing_waiting() -> None:
    load = ServiceLoad(service="demo", incarnation="i1", arrived=3, in_flight=2, queued=1)
    load = load.model_copy(update={"replica_in_flight": {7: 2}})
    assert load.over() == ServiceLoad(service="demo", incarnation="i1", arrived=3)


def test_requests_in_flight_are_added_up_by_replica_and_are_no_difference() -> None:
    one = ServiceLoad(service="demo", incarnation="i1", replica_in_flight={1: 2, 2: 1})
    other = one.model_copy(update={"replica_in_flight": {2: 3, 4: 1}})
    assert one.merged(other).replica_in_flight == {1: 2, 2: 4, 4: 1}
    assert one.merged(other).since(one).replica_in_flight == {1: 2, 2: 4, 4: 1}
    assert one.replica_in_flight == {1: 2, 2: 1}
