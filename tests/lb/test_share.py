"""Limits of several processes together."""

from __future__ import annotations

import pytest

from lb.data.share import ALL, Share


@pytest.mark.parametrize(("limit", "processes"), [(10, 3), (9, 3), (3, 3), (64, 5)])
def test_parts_of_a_limit_are_the_limit_together(limit: int, processes: int) -> None:
    parts = [Share(number, processes).of(limit) for number in range(processes)]
    assert sum(parts) == limit
    assert max(parts) - min(parts) <= 1


def test_each_process_may_do_something_unless_nobody_may() -> None:
    assert [Share(number, 4).of(2) for number in range(4)] == [1, 1, 1, 1]
    assert [Share(number, 4).of(0) for number in range(4)] == [0, 0, 0, 0]


def test_a_single_process_has_all_of_a_limit() -> None:
    assert ALL.of(7) == 7
