"""What is known of a service from all balancers, as time goes on."""

from __future__ import annotations

from skyflow.load import LoadReport, ProcessLoad, ServiceLoad
from skyflow.watching.load_views import FRESH_SECONDS, LEFT_OUT_SECONDS, LoadViews


def load(service: str = "demo", arrived: int = 0, ready: int = 1) -> ServiceLoad:
    return ServiceLoad(service=service, incarnation="i1", arrived=arrived, ready_replicas=ready)


def report(process: str, *services: ServiceLoad, sequence: int = 1) -> LoadReport:
    return LoadReport(
        processes=(ProcessLoad(process=process, sequence=sequence, services=services),)
    )


def views(*balancers: str) -> LoadViews:
    """Return the views of balancers that have just been heard of."""
    found = LoadViews()
    found.know(balancers, 0)
    return found


def test_a_view_has_all_processes_of_all_balancers_with_its_service_only() -> None:
    found = views("a", "b")
    found.heard("a", report("p1", load(arrived=2), load("other", arrived=9)), 1)
    found.heard("b", report("p2", load("other")), 2)
    view = found.view("demo", "i1", 2)
    assert (view.complete, view.at) == (True, 2)
    assert [(each.process, len(each.services)) for each in view.report.processes] == [
        ("p1", 1),
        ("p2", 0),
    ]
    assert view.report.total("demo", "i1").arrived == 2


def test_a_view_is_not_complete_before_every_balancer_was_heard() -> None:
    found = views("a", "b")
    assert not found.view("demo", "i1", 0).complete
    found.heard("a", report("p1", load()), 1)
    view = found.view("demo", "i1", 1)
    assert (view.complete, view.silent) == (False, ("b",))
    assert view.report.total("demo", "i1").ready_replicas == 1


def test_a_balancer_that_fails_makes_views_incomplete_until_it_answers() -> None:
    found = views("a")
    found.heard("a", report("p1", load(arrived=1)), 1)
    found.failed("a", 2)
    view = found.view("demo", "i1", 2)
    assert (view.complete, view.silent, view.at) == (False, ("a",), 1)
    assert view.report.total("demo", "i1").arrived == 1
    found.heard("a", report("p1", load()), 3)
    assert found.view("demo", "i1", 3).complete


def test_an_old_report_says_nothing_of_now() -> None:
    found = views("a")
    found.heard("a", report("p1", load()), 1)
    assert found.view("demo", "i1", 1 + FRESH_SECONDS).complete
    assert not found.view("demo", "i1", 1.1 + FRESH_SECONDS).complete


def test_one_that_is_silent_for_long_is_left_out_until_it_answers_again() -> None:
    found = views("a", "b")
    found.heard("b", report("p2", load(arrived=5)), 1)
    found.failed("b", 2)
    late = 2.1 + LEFT_OUT_SECONDS
    found.failed("b", late)
    found.heard("a", report("p1", load(arrived=1)), late)
    view = found.view("demo", "i1", late)
    assert (view.complete, view.left_out, view.silent) == (True, ("b",), ())
    assert view.report.total("demo", "i1").arrived == 1
    assert (found.counts("a", late), found.counts("b", late)) == (True, False)
    found.heard("b", report("p2", load(arrived=6)), late)
    assert found.view("demo", "i1", late).report.total("demo", "i1").arrived == 7


def test_one_that_never_answers_is_left_out_as_well() -> None:
    found = views("a", "b")
    late = 0.1 + LEFT_OUT_SECONDS
    found.know(("a", "b"), late)
    found.heard("a", report("p1"), late)
    assert found.view("demo", "i1", late).left_out == ("b",)


def test_nothing_is_complete_when_all_are_left_out() -> None:
    found = views("a")
    found.failed("a", 1)
    view = found.view("demo", "i1", 1.1 + LEFT_OUT_SECONDS)
    assert (view.complete, view.left_out) == (False, ("a",))


def test_nobody_is_left_out_for_the_time_in_which_nobody_asked() -> None:
    found = views("a", "b")
    for balancer in "ab":
        found.heard(balancer, report(balancer), 1)
    found.heard("a", report("a"), 1000)
    view = found.view("demo", "i1", 1000)
    assert (view.complete, view.silent, view.left_out) == (False, ("b",), ())


def test_a_balancer_that_is_no_longer_known_is_forgotten() -> None:
    found = views("a", "b")
    for balancer in "ab":
        found.heard(balancer, report(balancer, load()), 1)
    found.know(("a",), 2)
    assert found.heard("b", report("b", load(arrived=1, ready=0)), 2) == frozenset()
    assert [each.process for each in found.view("demo", "i1", 2).report.processes] == ["a"]


def test_a_request_without_a_ready_replica_wakes_its_service_once() -> None:
    found = views("a")
    before = report("p1", load(arrived=3, ready=0), load("other", arrived=1, ready=1))
    assert found.heard("a", before, 1) == {("demo", "i1")}
    assert found.heard("a", before, 2) == frozenset()
    after = report("p1", load(arrived=4, ready=0), load("other", arrived=2, ready=1))
    assert found.heard("a", after, 3) == {("demo", "i1")}


def test_a_process_that_is_new_begins_at_nothing() -> None:
    found = views("a")
    found.heard("a", report("p1", load(arrived=3, ready=0)), 1)
    assert found.heard("a", report("p2", load(arrived=0, ready=0)), 2) == frozenset()
    assert found.heard("a", report("p2", load(arrived=1, ready=0)), 3) == {("demo", "i1")}
