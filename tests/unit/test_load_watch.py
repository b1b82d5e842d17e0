"""A watch of the load ends when another number of replicas should serve, and not before."""

from __future__ import annotations

from skyflow.autoscaling.observation import Fleet
from skyflow.autoscaling.progress import LoadProgress
from skyflow.autoscaling.settings import AutoscalingSettings, Bounds, ScheduleEntry
from skyflow.contracts import LoadWatchRequest
from skyflow.load import LoadReport, ProcessLoad, ServiceLoad
from skyflow.watching.load import LoadWatch
from skyflow.watching.load_views import LoadView

NOON = 1_767_268_800.0
"""2026-01-01, 12:00 UTC."""
BOUNDS = Bounds(least=0, most=8)


def request(target: int = 1, renew_at: float = NOON + 9000, **more: object) -> LoadWatchRequest:
    return LoadWatchRequest(
        service="demo",
        incarnation="i1",
        settings=AutoscalingSettings(bounds=BOUNDS, ongoing=2).model_copy(update=more),
        fleet=Fleet(target=target),
        bounds=BOUNDS,
        renew_at=renew_at,
    )


def view(in_flight: int = 0, queued: int = 0, ready: int = 1, silent: bool = False) -> LoadView:
    load = ServiceLoad(
        service="demo",
        incarnation="i1",
        in_flight=in_flight,
        queued=queued,
        ready_replicas=ready,
        replica_in_flight={1: in_flight},
    )
    process = ProcessLoad(process="a", sequence=1, services=(load,))
    return LoadView(NOON, LoadReport(processes=(process,)), silent=("main",) if silent else ())


def test_a_load_that_fits_goes_on_being_watched() -> None:
    watch = LoadWatch(request())
    assert all(watch.look(view(in_flight=2), NOON + second) is None for second in range(120))


def test_the_end_says_how_many_why_and_what_each_replica_has() -> None:
    watch = LoadWatch(request())
    ends = (watch.look(view(in_flight=9), NOON + second) for second in range(30))
    result = next(end for end in ends if end)
    assert (result.target, result.in_flight) == (5, {1: 9})
    assert result.progress.explanation
    assert result.progress.explanation.target == 5


def test_a_request_at_zero_ends_it_at_once() -> None:
    watch = LoadWatch(request(target=0))
    assert watch.look(view(ready=0), NOON) is None
    woken = view(queued=7, ready=0)
    assert watch.is_burst(woken)
    result = watch.look(woken, NOON + 1)
    assert result
    assert result.target == 4


def test_only_requests_at_zero_are_gathered() -> None:
    assert not LoadWatch(request(target=1)).is_burst(view(queued=7))
    assert not LoadWatch(request(target=0)).is_burst(view(ready=0))


def test_while_a_balancer_is_silent_nothing_changes() -> None:
    watch = LoadWatch(request())
    assert all(watch.look(view(99, silent=True), NOON + second) is None for second in range(60))


def test_it_is_renewed_in_time_with_all_that_it_knows() -> None:
    watch = LoadWatch(request(renew_at=NOON + 5))
    assert watch.look(view(in_flight=2), NOON + 4) is None
    result = watch.look(view(in_flight=2), NOON + 5)
    assert result
    assert (result.target, result.progress.seen_at) == (1, NOON + 5)


def test_it_goes_on_where_another_worker_was() -> None:
    watch = LoadWatch(request())
    watch.look(view(in_flight=2), NOON)
    saved = LoadProgress.model_validate_json(watch.progress.model_dump_json())
    resumed = LoadWatch(request(), saved)
    assert resumed.look(view(in_flight=2), NOON + 1) is None
    assert watch.look(view(in_flight=2), NOON + 1) is None
    assert resumed.progress == watch.progress


def test_other_bounds_end_it_although_the_number_stays() -> None:
    evening = (ScheduleEntry(cron="0 12 * * *", max_replicas=6),)
    result = LoadWatch(request(schedule=evening)).look(view(in_flight=2), NOON + 1)
    assert result
    assert (result.target, result.bounds) == (1, Bounds(least=0, most=6))


def test_one_that_is_broken_off_changes_nothing() -> None:
    watch = LoadWatch(request(target=3))
    watch.look(view(in_flight=6, ready=3), NOON)
    left = watch.unchanged()
    assert (left.target, left.bounds, left.progress) == (3, BOUNDS, watch.progress)
