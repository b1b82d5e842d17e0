"""The comparison of balancers: with ours alone, for a moment."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks.lb.__main__ import measure
from benchmarks.lb.parts import PARTS
from benchmarks.lb.results import DIRECT, Measurement, Results
from benchmarks.lb.table import table

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="it measures by what Linux tells"),
    # One worker of a parallel run measures, the others find the results.
    pytest.mark.xdist_group("benchmarks"),
]

QUICK = ["get", "post", "latency", "stream-200", "download"]


@pytest.fixture(scope="module")
def results() -> Results:
    return measure(QUICK, ["skyflow"], rounds=1, seconds=0.5)


def of(results: Results, part: str, proxy: str = "skyflow") -> Measurement:
    return next(m for m in results.measurements if (m.part, m.proxy) == (part, proxy))


def test_every_part_has_figures(results: Results) -> None:
    found = {(m.proxy, m.part) for m in results.measurements if not m.problem}
    assert found == {(proxy, part) for proxy in (DIRECT, "skyflow") for part in QUICK}


@pytest.mark.parametrize("part", ["get", "post", "stream-200", "download"])
def test_the_proxy_uses_time_of_one_core_at_most(results: Results, part: str) -> None:
    measured = of(results, part)
    assert measured.cpu_us
    assert measured.per_second
    assert 0.01 < measured.cpu_us * measured.per_second / 1e6 < 1.2


@pytest.mark.parametrize("part", ["get", "post", "stream-200", "download"])
def test_no_request_fails(results: Results, part: str) -> None:
    assert of(results, part).errors == 0


def test_streams_bring_the_events_that_replicas_send(results: Results) -> None:
    per_second = of(results, "stream-200").per_second
    assert per_second
    # A computer with other work delivers late, and then more at once.
    assert 0.2 < per_second / (200 * 20) < 2


def test_a_low_rate_is_kept(results: Results) -> None:
    pace = next(part.count for part in PARTS if part.name == "latency")
    per_second = of(results, "latency").per_second
    assert per_second
    assert 0.2 < per_second / pace < 2


def test_without_a_proxy_nothing_is_charged(results: Results) -> None:
    assert of(results, "get", DIRECT).cpu_us is None


def test_the_table_has_a_line_for_each_proxy(results: Results) -> None:
    lines = table(results).splitlines()
    assert [line.split()[1] for line in lines[2:4]] == [DIRECT, "skyflow"]


def test_all_figures_are_written(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "lb.json")
    written = json.loads((tmp_path / "lb.json").read_text())
    assert len(written["measurements"]) == 2 * len(QUICK)


def test_this_process_keeps_its_cores() -> None:
    before = os.sched_getaffinity(0)
    measure([], [], rounds=0, seconds=0)
    assert os.sched_getaffinity(0) == before
