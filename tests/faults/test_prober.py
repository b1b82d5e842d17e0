"""Which failed requests are nobody's fault but ours."""

from __future__ import annotations

from tests.faults.prober import Failure, Outage, Serving, inexcusable

FAILURE = Failure(began=10, ended=11, what="refused")


def test_a_failure_while_a_replica_served_cannot_be_excused() -> None:
    assert list(inexcusable([FAILURE], [Serving(1, 5, 20)], [], [])) == [FAILURE]


def test_a_failure_while_no_replica_served_all_the_time_is_excused() -> None:
    serving = [Serving(1, 5, 10.5), Serving(2, 10.2, 20)]
    assert list(inexcusable([FAILURE], serving, [], [])) == []


def test_a_failure_while_the_balancer_was_dead_is_excused() -> None:
    serving = [Serving(1, 5, 20)]
    assert list(inexcusable([FAILURE], serving, [Outage(10.9, 12)], [])) == []
    assert list(inexcusable([FAILURE], serving, [Outage(12, 13)], [])) == [FAILURE]


def test_what_is_in_flight_may_fail_only_with_its_machine_or_the_balancer() -> None:
    cut = Failure(began=10, ended=11, what="cut", slow=True)
    assert list(inexcusable([cut], [], [], [])) == [cut]
    assert list(inexcusable([cut], [], [], [9])) == [cut]
    assert list(inexcusable([cut], [], [], [10.5])) == []
    assert list(inexcusable([cut], [], [Outage(10.5, 12)], [])) == []
