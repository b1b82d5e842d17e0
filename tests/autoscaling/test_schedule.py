"""Bounds that hold from certain times on."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from skyflow.autoscaling.decision import Rule
from skyflow.autoscaling.schedule import bounds_at, is_cron
from skyflow.autoscaling.settings import Bounds, ScheduleEntry
from tests.autoscaling.driving import Watch, settings

BERLIN = "Europe/Berlin"


def entry(
    cron: str, least: int | None, most: int | None = None, zone: str = BERLIN
) -> ScheduleEntry:
    return ScheduleEntry(cron=cron, timezone=zone, min_replicas=least, max_replicas=most)


def at(text: str, zone: str = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def least_at(time: float, *entries: ScheduleEntry) -> int:
    return bounds_at(settings(least=1, most=10, schedule=entries), time).least


@pytest.mark.parametrize(
    ("time", "least"),
    [
        ("2026-01-05 07:59:59", 2),
        ("2026-01-05 08:00:00", 5),
        ("2026-01-05 17:59:59", 5),
        ("2026-01-05 18:00:00", 2),
        ("2026-01-10 12:00:00", 2),
    ],
)
def test_the_entry_that_came_last_holds(time: str, least: int) -> None:
    assert least_at(at(time), entry("0 8 * * mon-fri", 5), entry("0 18 * * *", 2)) == least


def test_of_entries_at_the_same_time_the_later_in_the_list_counts() -> None:
    assert least_at(at("2026-01-05 12:00"), entry("0 8 * * *", 5), entry("0 8 * * mon", 7)) == 7


def test_a_side_that_is_not_given_is_the_policys() -> None:
    both = settings(least=1, most=10, schedule=(entry("0 8 * * *", 4),))
    assert bounds_at(both, at("2026-01-05 12:00")) == Bounds(least=4, most=10)


@pytest.mark.parametrize(
    ("least", "most", "bounds"), [(20, None, (20, 20)), (None, 1, (1, 1)), (0, 0, (0, 0))]
)
def test_a_given_side_moves_the_other_as_far_as_needed(
    least: int | None, most: int | None, bounds: tuple[int, int]
) -> None:
    scheduled = settings(least=2, most=10, schedule=(entry("0 8 * * *", least, most),))
    assert bounds_at(scheduled, at("2026-01-05 12:00")) == Bounds(least=bounds[0], most=bounds[1])


def test_until_an_entry_came_the_policys_bounds_hold() -> None:
    assert least_at(at("2026-01-05 12:00"), entry("0 0 31 2 *", 5)) == 1


def test_each_entry_goes_by_its_own_time_zone() -> None:
    tokyo = entry("0 8 * * *", 5, zone="Asia/Tokyo")
    berlin = entry("0 8 * * *", 3)
    assert least_at(at("2026-01-05 01:00"), berlin, tokyo) == 5
    assert least_at(at("2026-01-05 09:00"), berlin, tokyo) == 3


def test_what_falls_into_the_hour_left_out_in_spring_happens_at_its_end() -> None:
    spring = (entry("0 1 * * *", 2), entry("30 2 * * *", 5))
    assert least_at(at("2026-03-29 01:59:59"), *spring) == 2
    assert least_at(at("2026-03-29 03:00:00"), *spring) == 5


@pytest.mark.parametrize(
    ("time", "fold", "least"),
    [("02:29", 0, 2), ("02:30", 0, 5), ("02:10", 1, 5), ("02:45", 1, 5), ("03:00", 0, 5)],
)
def test_what_falls_into_the_hour_that_comes_twice_happens_the_first_time(
    time: str, fold: int, least: int
) -> None:
    autumn = (entry("0 1 * * *", 2), entry("30 2 * * *", 5))
    assert least_at(at(f"2026-10-25 {time}", fold=fold), *autumn) == least


def test_bounds_never_go_back_and_forth_while_clocks_change() -> None:
    night = (entry("0 1 * * *", 2), entry("30 2 * * *", 5))
    for begin in (at("2026-03-29 00:00"), at("2026-10-25 00:00")):
        seen = [least_at(begin + 60 * minute, *night) for minute in range(400)]
        assert sum(one != other for one, other in pairwise(seen)) == 2


def test_the_schedule_acts_at_once_also_if_no_balancer_answers() -> None:
    schedule = (entry("1 0 * * *", 3, zone="UTC"), entry("2 0 * * *", 0, 1, zone="UTC"))
    watch = Watch(settings(qps=1, schedule=schedule))
    assert watch.miss(59).target == 1
    evaluation = watch.miss(1)
    assert (evaluation.target, evaluation.explanation.rule) == (3, Rule.SCHEDULE)
    assert watch.miss(60).target == 1


def test_without_any_signal_there_are_as_few_as_the_schedule_allows() -> None:
    schedule = (entry("1 0 * * *", 3, zone="UTC"), entry("2 0 * * *", 1, zone="UTC"))
    watch = Watch(settings(schedule=schedule))
    watch.keep(61)
    watch.keep(61)
    assert (watch.targets[60], watch.target) == (3, 1)


@pytest.mark.parametrize("cron", ["0 0 31 2 *", "0 0 0 * * *", "60 * * * *", "", "0 0 L"])
def test_what_names_no_time_is_no_cron_expression(cron: str) -> None:
    assert not is_cron(cron)
