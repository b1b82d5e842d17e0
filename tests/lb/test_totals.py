"""Counters never count twice, whichever process ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lb.control.totals import Seen, Totals
from lb.reports import ReplicaCounters, ServiceCounters, Services
from skyflow.load import ServiceLoad
from tests.limits import largest_file


def counters(answers: int, **changes: Any) -> ServiceCounters:
    replica = ReplicaCounters(
        replica_id=1,
        url="http://127.0.0.1:1",
        ready=True,
        in_flight=1,
        requests=answers,
        failures=0,
        codes={"200": answers},
    )
    made = ServiceCounters(
        service="demo",
        incarnation="i1",
        started_at=1,
        generation=1,
        port=1,
        listening=True,
        codes={},
        replicas=(replica,),
        load=ServiceLoad(service="demo", incarnation="i1", arrived=answers, in_flight=1),
        requests={"": {}, "1": {"200": answers}},
    )
    return made.model_copy(update=changes)


def process(name: str, *services: ServiceCounters) -> Services:
    return Services(process=name, services=services)


def answers(totals: tuple[ServiceCounters, ...]) -> int:
    return totals[0].requests["1"]["200"]


async def test_processes_are_added_up(tmp_path: Path) -> None:
    totals = Totals(tmp_path / "counters.json")
    (found,) = await totals.after([process("a", counters(3)), process("b", counters(4))])
    assert found.requests == {"": {}, "1": {"200": 7}}
    assert (found.load.arrived, found.load.in_flight, found.replicas[0].in_flight) == (7, 2, 2)


async def test_a_process_that_ended_still_counts_and_has_nothing_in_flight(tmp_path: Path) -> None:
    totals = Totals(tmp_path / "counters.json")
    await totals.after([process("a", counters(3)), process("b", counters(4))])
    (found,) = await totals.after([process("b", counters(5)), process("c", counters(1))])
    assert found.requests["1"]["200"] == 3 + 5 + 1
    assert (found.load.in_flight, found.replicas[0].in_flight) == (2, 2)


async def test_one_that_was_only_silent_for_a_while_counts_once(tmp_path: Path) -> None:
    totals = Totals(tmp_path / "counters.json")
    await totals.after([process("a", counters(3)), process("b", counters(4))])
    await totals.after([process("b", counters(4))])
    assert answers(await totals.after([process("a", counters(6)), process("b", counters(4))])) == 10


async def test_another_control_process_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    first = await Totals(tmp_path / "counters.json").after([process("a", counters(3))])
    after = await Totals(tmp_path / "counters.json").after([process("b", counters(1))])
    assert (answers(first), answers(after)) == (3, 4)


async def test_restarts_are_counted_in_bounded_room(tmp_path: Path) -> None:
    seen = Seen()
    for number in range(100):
        seen = seen.after([process(str(number), counters(1))])
    assert answers(seen.totals()) == 100
    assert len(seen.processes) < 20


async def test_a_service_that_is_gone_or_began_anew_leaves_nothing(tmp_path: Path) -> None:
    totals = Totals(tmp_path / "counters.json")
    await totals.after([process("a", counters(3))])
    anew = counters(1, incarnation="i2")
    assert answers(await totals.after([process("b", anew)])) == 1
    assert await totals.after([process("c")]) == ()


async def test_of_two_incarnations_the_newer_one_counts(tmp_path: Path) -> None:
    newer = counters(1, incarnation="i0", started_at=2)
    totals = Totals(tmp_path / "counters.json")
    (found,) = await totals.after([process("a", newer), process("b", counters(3))])
    assert (found.incarnation, answers((found,))) == ("i0", 1)


async def test_a_disk_that_takes_nothing_costs_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    totals = Totals(tmp_path / "counters.json")
    with largest_file(0):
        for _ in range(2):
            assert answers(await totals.after([process("a", counters(3))])) == 3
    assert caplog.text.count("cannot be written") == 1


async def test_a_damaged_file_is_reported_and_begun_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "counters.json").write_text("{")
    totals = Totals(tmp_path / "counters.json")
    assert answers(await totals.after([process("a", counters(3))])) == 3
    assert "cannot be read" in caplog.text
