from __future__ import annotations

import pytest

from lb.data.drain_rate import WINDOW_SECONDS, DrainRate


def test_nobody_can_tell_before_two_places_came_free() -> None:
    rate = DrainRate()
    assert rate.seconds(1, now=0) is None
    rate.freed(0)
    assert rate.seconds(1, now=1) is None


def test_it_takes_as_long_as_it_took() -> None:
    rate = DrainRate()
    for tenth in range(200):
        rate.freed(tenth / 10)
    assert rate.seconds(50, now=20) == pytest.approx(5, rel=0.02)


def test_a_service_that_stands_still_gets_slower() -> None:
    rate = DrainRate()
    for second in range(3):
        rate.freed(second)
    assert rate.seconds(1, now=2) == 1
    assert rate.seconds(1, now=20) == 10


def test_what_was_long_ago_counts_no_more() -> None:
    rate = DrainRate()
    for second in range(3):
        rate.freed(second)
    assert rate.seconds(1, now=WINDOW_SECONDS + 3) is None
