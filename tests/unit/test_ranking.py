"""Which offer comes first, and which are avoided."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyflow.placement.offers import Offer, Place
from skyflow.placement.ranking import NEAR_PRICE, rank, shortlist, why_first
from tests.unit.offers import offers, place, refusal, table

FAMILIES = """
1.00 aws/us-east-1/us-east-1a c6i.large
1.00 aws/us-east-1/us-east-1a m5.large
1.00 aws/us-east-1/us-east-1a g5.xlarge
1.00 aws/us-east-1/us-east-1a m5.large spot
1.00 aws/us-east-1/us-east-1b m5.large
1.00 aws/us-west-2/us-west-2a m5.large
1.00 gcp/us-east1/us-east1-b n2-standard-2
"""


def expect(found: Sequence[Offer], expected: str) -> None:
    assert table(found) == dedent(expected).strip()


def test_the_cheapest_comes_first() -> None:
    some = offers("""
        3 aws/r/a large
        1 aws/r/a small
        2 gcp/r/a middle
    """)
    expect(
        rank(some),
        """
        1 aws/r/a small
        2 gcp/r/a middle
        3 aws/r/a large
        """,
    )


def test_replicas_are_spread_over_zones_and_then_regions_at_near_equal_price() -> None:
    some = offers("""
        1.00 aws/east/east-a m
        1.00 aws/east/east-b m
        1.03 aws/west/west-a m
        1.04 aws/west/west-b m
        1.06 aws/south/south-a m
    """)
    in_use: list[Place] = []
    for _ in range(6):
        in_use.append(rank(some, in_use=in_use)[0].place)
    assert [each.zone for each in in_use] == [
        "east-a",
        "west-a",
        "east-b",
        "west-b",
        "east-a",
        "west-a",
    ]


def test_a_zone_that_costs_more_than_nearly_the_same_does_not_come_first_to_be_spread() -> None:
    some = offers(f"1 aws/east/east-a m\n{1 + NEAR_PRICE + 0.001} aws/east/east-b m")
    assert rank(some, in_use=[place("aws/east/east-a m")] * 9)[0].place.zone == "east-a"


def test_another_type_in_the_same_zone_is_the_same_zone() -> None:
    some = offers("1 aws/east/east-a m\n1 aws/east/east-b m")
    assert rank(some, in_use=[place("aws/east/east-a c spot")])[0].place.zone == "east-b"


def test_what_is_preferred_comes_before_what_is_cheaper() -> None:
    cheap, preferred = offers("1 aws/r/a small\n9 aws/r/b large")
    cheap = cheap.model_copy(update={"preference": 1})
    assert rank([cheap, preferred]) == (preferred, cheap)


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        (
            "NoCapacity",
            """
            1 aws/us-east-1/us-east-1a c6i.large
            1 aws/us-east-1/us-east-1a g5.xlarge
            1 aws/us-east-1/us-east-1a m5.large spot
            1 aws/us-east-1/us-east-1b m5.large
            1 aws/us-west-2/us-west-2a m5.large
            1 gcp/us-east1/us-east1-b n2-standard-2
            """,
        ),
        (
            "QuotaExceeded",
            """
            1 aws/us-east-1/us-east-1a g5.xlarge
            1 aws/us-east-1/us-east-1a m5.large spot
            1 aws/us-west-2/us-west-2a m5.large
            1 gcp/us-east1/us-east1-b n2-standard-2
            """,
        ),
        (
            "CredentialsError",
            """
            1 gcp/us-east1/us-east1-b n2-standard-2
            """,
        ),
        (
            "InvalidRequest",
            """
            1 aws/us-east-1/us-east-1a c6i.large
            1 aws/us-east-1/us-east-1a g5.xlarge
            1 aws/us-west-2/us-west-2a m5.large
            1 gcp/us-east1/us-east1-b n2-standard-2
            """,
        ),
        (
            "CloudError",
            """
            1 aws/us-east-1/us-east-1a c6i.large
            1 aws/us-east-1/us-east-1a g5.xlarge
            1 aws/us-east-1/us-east-1a m5.large spot
            1 aws/us-east-1/us-east-1b m5.large
            1 aws/us-west-2/us-west-2a m5.large
            1 gcp/us-east1/us-east1-b n2-standard-2
            """,
        ),
    ],
)
def test_a_refusal_avoids_what_it_speaks_for(kind: str, left: str) -> None:
    refused = refusal(kind, "aws/us-east-1/us-east-1a m5.large")
    expect(rank(offers(FAMILIES), [refused]), left)


ZONES = st.sampled_from([f"{c}/{r}/{r}-{z}" for c in "xy" for r in "pq" for z in "ab"])
PLACES = st.builds(
    lambda zone, kind, spot: place(f"{zone} {kind}{' spot' if spot else ''}"),
    ZONES,
    st.sampled_from(["m5.large", "g5.xlarge"]),
    st.booleans(),
)
OFFERS = st.lists(
    st.builds(
        Offer,
        place=PLACES,
        hourly_price=st.sampled_from([0, 1, 1.02, 1.05, 1.1, 3]),
        cpus=st.just(1),
        memory_gib=st.just(1),
        preference=st.integers(0, 1),
    ),
    unique_by=lambda offer: offer.place,
)


@given(OFFERS.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_does_not_depend_on_the_order_of_the_offers(
    both: tuple[list[Offer], list[Offer]],
) -> None:
    some, shuffled = both
    in_use = [offer.place for offer in some[:3]]
    refused = [refusal("NoCapacity", "x/p/p-a m5.large")]
    assert rank(some, refused, in_use) == rank(shuffled, refused, in_use[::-1])


@given(OFFERS, st.lists(PLACES))
def test_nothing_comes_before_what_is_cheaper_by_more_than_the_band(
    some: list[Offer], in_use: list[Place]
) -> None:
    ranked = rank(some, in_use=in_use)
    assert sorted(map(str, ranked)) == sorted(map(str, some))
    for before, after in pairwise(ranked):
        assert before.preference <= after.preference
        if before.preference == after.preference:
            assert before.hourly_price <= after.hourly_price * (1 + NEAR_PRICE) + 1e-9


def test_a_shortlist_is_the_best_offers_and_each_zone_of_near_equal_price() -> None:
    types = "\n".join(f"{1 + n / 10_000} aws/east/east-a m{n}" for n in range(100))
    ranked = rank(offers(f"{types}\n1.04 aws/east/east-b m\n1.2 aws/west/west-a m"))
    short = shortlist(ranked, most=10)
    assert short[:9] == ranked[:9]
    assert [offer.place.zone for offer in short] == ["east-a"] * 9 + ["east-b"]


@given(OFFERS, st.integers(1, 8))
def test_a_shortlist_keeps_the_first_offer_and_the_order(some: list[Offer], most: int) -> None:
    ranked = rank(some)
    short = shortlist(ranked, most)
    assert len(short) == min(most, len(some))
    assert short[:1] == ranked[:1]
    assert [offer for offer in ranked if offer in short] == list(short)


def test_the_reason_names_the_rule_the_price_and_the_next_best() -> None:
    some = offers("1.00 aws/east/east-a m\n1.04 aws/east/east-b m")
    in_use = [place("aws/east/east-a m")]
    ranked = rank(some, in_use=in_use)
    assert why_first(ranked, in_use, more=3, avoided=2) == (
        "m in aws/east/east-b at $1.04/h: within 5% of the cheapest of 5 offers; replicas in its "
        "zone: 0; avoided after refusals: 2; next best: m in aws/east/east-a at $1/h"
    )
