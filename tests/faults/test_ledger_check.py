"""What the comparison of ledger and workflows finds."""

from __future__ import annotations

from collections.abc import Sequence

from skyflow.clouds.ledger import LedgerEntry, LedgerEvent
from tests.faults.ledger_check import Asked, Target, Wanted, ledger_problems


def lines(*said: str) -> Sequence[LedgerEntry]:
    """Return lines from their short form: the time, and `+` or `-` with the machine."""
    events: dict[str, LedgerEvent] = {"+": "create", "-": "delete"}
    found = [line.split() for line in said]
    return [LedgerEntry(at=float(at), event=events[what[0]], name=what[1:]) for at, what in found]


def wanted(
    *targets: tuple[float, int], ends: Sequence[tuple[float, str]] = (), launched: float = 0
) -> Wanted:
    return Wanted(
        targets=[Target(at, machines) for at, machines in targets],
        launches=[Asked(launched, "m")],
        ends=[Asked(at, prefix) for at, prefix in ends],
    )


def test_machines_that_were_made_and_ended_as_wanted_are_no_problem() -> None:
    ledger = lines("1 +m1", "2 +m2", "8 -m1", "9 -m2")
    assert ledger_problems(ledger, wanted((0, 2), ends=[(7, "m")])) == []


def test_a_machine_that_was_made_twice_is_found() -> None:
    ledger = lines("1 +m1", "2 -m1", "3 +m1", "4 -m1")
    assert ledger_problems(ledger, wanted((0, 2))) == ["m1 was made twice"]


def test_a_machine_that_nobody_ended_is_found() -> None:
    assert ledger_problems(lines("1 +m1"), wanted((0, 1))) == ["m1 was never ended"]


def test_an_end_of_what_did_not_exist_is_found() -> None:
    ledger = lines("1 +m1", "2 -m1", "3 -m1")
    assert ledger_problems(ledger, wanted((0, 1))) == ["m1 was ended and did not exist"]


def test_a_machine_made_before_it_was_asked_for_is_found() -> None:
    ledger = lines("1 +m1", "2 -m1")
    problems = ledger_problems(ledger, wanted((0, 1), launched=1.5))
    assert problems == ["m1 was made before any workflow had asked for it"]


def test_one_machine_more_than_the_target_is_found_however_short() -> None:
    ledger = lines("1 +m1", "2 +m2", "2.1 -m2", "3 -m1")
    assert ledger_problems(ledger, wanted((0, 1))) == ["2 machines for a target of 1: m1, m2"]


def test_a_machine_that_was_told_to_stop_does_not_count() -> None:
    ledger = lines("1 +m1", "3 +m2", "4 -m1", "5 -m2")
    assert ledger_problems(ledger, wanted((0, 1), ends=[(2, "m1")])) == []


def test_a_machine_that_is_told_to_stop_later_counts() -> None:
    ledger = lines("1 +m1", "3 +m2", "4 -m1", "5 -m2")
    assert len(ledger_problems(ledger, wanted((0, 1), ends=[(3.5, "m1")]))) == 1


def test_the_target_of_the_moment_counts() -> None:
    ledger = lines("1 +m1", "3 +m2", "6 -m1", "7 -m2")
    assert ledger_problems(ledger, wanted((0, 1), (2, 2), (5, 1))) == []
    assert len(ledger_problems(ledger, wanted((0, 1), (4, 2)))) == 1


def test_a_launch_that_was_asked_for_before_the_target_fell_is_no_problem() -> None:
    ledger = lines("1 +m1", "5 +n2", "6 -n2", "7 -m1")
    asked = wanted((0, 2), (4, 1))
    asked.launches.append(Asked(3, "n"))
    assert ledger_problems(ledger, asked) == []
    asked.launches[-1] = Asked(4.5, "n")
    assert ledger_problems(ledger, asked) == ["2 machines for a target of 1: m1, n2"]
