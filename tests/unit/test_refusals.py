"""For how long is avoided what was refused, and what is kept of it."""

from __future__ import annotations

import pytest

from skyflow.placement.offers import Refusal
from skyflow.placement.quota import quota_family
from skyflow.placement.refusals import (
    AVOIDANCE,
    MESSAGE_KEPT,
    MOST_REFUSALS,
    avoidance_seconds,
    in_force,
    next_try,
    refused_for_good,
    remember,
)
from tests.unit.offers import refusal

NOW = 1000.0
A, B = "aws/us-east-1/us-east-1a m5.large", "aws/us-east-1/us-east-1b c6i.large"


def refused_at(times: list[float], kind: str = "NoCapacity") -> list[Refusal]:
    kept: list[Refusal] = []
    for now in times:
        kept = remember(kept, refusal(kind, A), now)
    return kept


@pytest.mark.parametrize("kind", [*AVOIDANCE, "CloudError"])
def test_what_is_refused_again_is_avoided_for_longer_up_to_a_bound(kind: str) -> None:
    lengths = [avoidance_seconds(kind, times) for times in (1, 2, 3, 50, 5000)]
    assert lengths == sorted(lengths)
    assert lengths[1] in (2 * lengths[0], lengths[-1])
    assert lengths[3] == lengths[4]


def test_each_try_that_is_refused_doubles_the_time() -> None:
    (kept,) = refused_at([0, 180, 180 + 360])
    assert (kept.times, kept.until) == (3, 540 + 720)


def test_replicas_refused_the_same_at_once_count_as_one() -> None:
    (kept,) = refused_at([0, 1, 2])
    assert (kept.times, kept.until) == (1, 2 + 180)


def test_what_has_been_well_for_as_long_again_begins_anew() -> None:
    (kept,) = refused_at([0, 360])
    assert kept.times == 1


def test_a_limit_that_is_met_by_two_types_of_a_family_is_one_refusal() -> None:
    kept = remember([refusal("QuotaExceeded", A, NOW + 9)], refusal("QuotaExceeded", B), NOW)
    assert [each.place.zone for each in kept] == ["us-east-1b"]


@pytest.mark.parametrize(("kind", "times"), [("InvalidImage", 1), ("InvalidRequest", 2)])
def test_an_image_that_is_not_valid_is_so_for_all_types_of_the_region(
    kind: str, times: int
) -> None:
    kept = remember([refusal(kind, A, NOW + 9)], refusal(kind, B), NOW)
    assert len(kept) == times


def test_refusals_and_their_messages_are_bounded() -> None:
    kept: list[Refusal] = []
    for number in range(MOST_REFUSALS + 50):
        at = refusal("NoCapacity", f"aws/r/z{number} m")
        long = "x" * 5000 + "; remedy"
        kept = remember(kept, at.model_copy(update={"message": long}), NOW + number / 10)
    assert len(kept) == MOST_REFUSALS
    assert kept[-1].place.zone == f"z{MOST_REFUSALS + 49}"
    assert all(len(each.message) <= MESSAGE_KEPT for each in kept)
    assert all(each.message.endswith("; remedy") for each in kept)


def test_the_next_try_is_when_the_first_refusal_ends() -> None:
    refusals = [refusal("NoCapacity", A, NOW + n) for n in (90, 30, -5)]
    assert next_try(refusals, NOW) == NOW + 30
    assert next_try([], NOW) is None
    assert in_force(refusals, NOW + 30) == (refusals[0],)


@pytest.mark.parametrize(
    ("kinds", "for_good"),
    [
        ({}, False),
        ({A: "CredentialsError"}, True),
        ({A: "InvalidRequest"}, True),
        ({A: "NoCapacity"}, False),
        ({A: "CredentialsError", B: "NoCapacity"}, True),
        ({A: "InvalidRequest", B: "NoCapacity"}, False),
    ],
)
def test_refused_for_good_is_what_waiting_does_not_mend(
    kinds: dict[str, str], for_good: bool
) -> None:
    refusals = [refusal(kind, at, NOW + 60) for at, kind in kinds.items()]
    assert refused_for_good(refusals, NOW) is for_good
    assert not refused_for_good(refusals, NOW + 61)


@pytest.mark.parametrize(
    ("cloud", "instance_type", "on_demand", "spot"),
    [
        ("aws", "c6i.2xlarge", "Standard", "Standard"),
        ("aws", "im4gn.large", "Standard", "Standard"),
        ("aws", "t4g.small", "Standard", "Standard"),
        ("aws", "g5.xlarge", "G and VT", "G and VT"),
        ("aws", "gr6.4xlarge", "G and VT", "G and VT"),
        ("aws", "vt1.3xlarge", "G and VT", "G and VT"),
        ("aws", "p4d.24xlarge", "P", "P"),
        ("aws", "p5.48xlarge", "P", "P5"),
        ("aws", "inf2.xlarge", "INF", "INF"),
        ("aws", "x2idn.16xlarge", "X", "X"),
        ("gcp", "a2-highgpu-1g", "a2", "a2"),
        ("lambda", "gpu_8x_a100", "gpu_8x_a100", "gpu_8x_a100"),
    ],
)
def test_a_limit_counts_a_family_together(
    cloud: str, instance_type: str, on_demand: str, spot: str
) -> None:
    assert quota_family(cloud, instance_type) == on_demand
    assert quota_family(cloud, instance_type, use_spot=True) == spot
