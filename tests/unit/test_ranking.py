"""Which offer comes first, and which are avoided."""

from __future__ import annotations

import pytest

from skyflow.placement.offers import Offer, Place, Refusal
from skyflow.placement.ranking import next_try, rank

NOW = 1000.0


def place(zone: str = "a", region: str = "r", cloud: str = "c", spot: bool = False) -> Place:
    return Place(cloud=cloud, region=region, zone=zone, instance_type="t", use_spot=spot)


def offer(price: float, at: Place) -> Offer:
    return Offer(place=at, hourly_price=price, cpus=1, memory_gib=1)


def refusal(kind: str, at: Place, until: float = NOW + 60) -> Refusal:
    return Refusal(place=at, kind=kind, message="no", until=until)


def test_the_cheapest_comes_first() -> None:
    dear, cheap = offer(2, place("a")), offer(1, place("b"))
    assert rank([dear, cheap], [], [], NOW) == (cheap, dear)


def test_equal_prices_are_spread_over_zones() -> None:
    a, b = offer(1, place("a")), offer(1, place("b"))
    assert rank([a, b], [], [place("a")], NOW) == (b, a)


def test_the_order_does_not_depend_on_the_order_of_the_offers() -> None:
    offers = [offer(1, place(zone)) for zone in "cab"]
    assert rank(offers, [], [], NOW) == rank(offers[::-1], [], [], NOW)


@pytest.mark.parametrize(
    ("kind", "avoided"),
    [
        ("NoCapacity", ["a"]),
        ("QuotaExceeded", ["a", "b"]),
        ("CredentialsError", ["a", "b", "other region"]),
        ("CloudError", ["a"]),
    ],
)
def test_a_refusal_avoids_what_it_speaks_for(kind: str, avoided: list[str]) -> None:
    places = {"a": place("a"), "b": place("b"), "other region": place("a", "r2"),
              "other cloud": place("a", "r", "d")}  # fmt: skip
    usable = rank([offer(1, p) for p in places.values()], [refusal(kind, place("a"))], [], NOW)
    left = {name for name, p in places.items() if p in [o.place for o in usable]}
    assert left == set(places) - set(avoided)


def test_a_refusal_ends() -> None:
    only = offer(1, place())
    assert rank([only], [refusal("NoCapacity", place(), NOW)], [], NOW) == (only,)


def test_the_next_try_is_when_the_first_refusal_ends() -> None:
    refusals = [refusal("NoCapacity", place(), NOW + n) for n in (90, 30, -5)]
    assert next_try(refusals, NOW) == NOW + 30
    assert next_try([], NOW) is None
