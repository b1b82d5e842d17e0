"""Requests that wait while replicas start: they are worked off, and do not come again."""

from __future__ import annotations

from tests.autoscaling.driving import Watch, counts, settings


def warm(**signals: float) -> Watch:
    """Return a watch that has seen ten replicas with five requests at once each, of ten seconds."""
    watch = Watch(settings(least=0, most=100, max_concurrency=8, **signals), target=10)
    watch.keep(120, arrived=5, in_flight=50, latency=counts(10, 5), first_byte=counts(0.1, 5))
    return watch


def test_a_queue_asks_for_less_than_as_many_requests_that_stay() -> None:
    waiting, staying = warm(ongoing=5), warm(ongoing=5)
    waiting.keep(60, arrived=8, in_flight=80, queued=300, latency=counts(10, 8))
    staying.keep(60, arrived=8, in_flight=380, latency=counts(10, 8))
    # 380 on replicas or 80 there, and 300 to be worked off at 10 s each within a minute.
    assert staying.target == 76
    assert 16 < waiting.target <= 26


def test_requests_that_come_count_for_as_long_as_replicas_will_work_on_them() -> None:
    watch = warm(ongoing=5)
    watch.keep(600, ready=0)
    assert watch.target == 0
    for second in range(60):
        watch.see(arrived=10, queued=10 * (second + 1), ready=0)
    # A hundred at once, and 600 to be worked off within a minute: not 600 for ever.
    assert 20 <= watch.target <= 40


def test_a_queue_counts_in_full_before_anything_was_answered() -> None:
    watch = Watch(settings(least=0, most=100, ongoing=5, max_concurrency=8), target=0)
    watch.see(arrived=200, queued=200, ready=0)
    assert watch.target == 40


def test_with_an_objective_there_are_places_for_all_requests() -> None:
    watch = warm(first_byte_p95_seconds=2)
    watch.keep(600, ready=0)
    for second in range(20):
        watch.see(arrived=10, queued=10 * (second + 1), ready=0)
    assert watch.target >= 12
