"""Requests that wait count in full unless they pass."""

from __future__ import annotations

from tests.autoscaling.driving import Watch, counts, settings

EIGHT = 8
"""Requests at once that a replica should have, and takes."""


def served(target: int = 1, **fleet: float) -> Watch:
    """Return a service that is known to work a second on a request."""
    watch = Watch(settings(most=100, ongoing=EIGHT), target, **fleet)
    watch.keep(70, arrived=8 * target, in_flight=8 * target, latency={40: 8 * target})
    return watch


def test_clients_that_wait_for_their_turn_again_and_again_count_in_full() -> None:
    watch = served()
    watch.keep(10, arrived=8, in_flight=8, queued=192, latency={40: 8})
    assert watch.target == 25


def test_what_came_while_replicas_start_asks_for_no_more_of_them() -> None:
    watch = served(cold_start_seconds=120)
    for second in range(100):
        queued = max(0, 24 * second - 60)
        watch.see(arrived=32, in_flight=8, queued=queued, latency={40: 8}, ready=1)
    assert 4 <= watch.target <= 25


def test_what_is_being_worked_off_asks_for_no_more_replicas() -> None:
    watch = served(4)
    watch.see(arrived=16, in_flight=24, queued=480, latency={40: 24}, ready=3)
    for second in range(30):
        watch.see(arrived=16, in_flight=32, queued=480 - 16 * second, latency={40: 32})
    assert watch.target <= 6


def test_a_burst_at_zero_counts_in_full() -> None:
    watch = Watch(settings(least=0, most=100, ongoing=EIGHT), 1)
    watch.keep(70, arrived=8, in_flight=8, latency={40: 8})
    watch.keep(600)
    assert watch.target == 0
    assert watch.see(arrived=200, queued=200, ready=0).target == 25


def test_with_an_objective_in_seconds_there_are_places_for_all_requests() -> None:
    watch = Watch(settings(least=0, most=100, first_byte_p95_seconds=2, max_concurrency=8), 10)
    watch.keep(120, arrived=5, in_flight=50, latency=counts(10, 5), first_byte=counts(0.1, 5))
    watch.keep(600, ready=0)
    for second in range(20):
        watch.see(arrived=10, queued=10 * (second + 1), ready=0)
    assert watch.target >= 12
