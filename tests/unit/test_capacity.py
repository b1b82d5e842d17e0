from __future__ import annotations

import pytest

from skyflow.placement.capacity import capacity
from skyflow.placement.offers import Offer, Place

QPS = {"L4": 0.5, "A100-80GB:2": 2.5, "H100:1": 4.0}


def offer(accelerator: str | None, count: float = 1) -> Offer:
    place = Place(cloud="fake", region="r", zone="z", instance_type="t")
    return Offer(
        place=place,
        hourly_price=1,
        cpus=4,
        memory_gib=16,
        accelerator=accelerator,
        accelerator_count=count,
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (offer("A100-80GB", 2), 2.5),
        (offer("a100-80gb", 2), 2.5),
        (offer("A100-SXM4-80GB", 2), 2.5),
        (offer("H100"), 4.0),
        (offer("L4", 8), 0.5),
        (offer("H100", 8), 4.0),
        (offer("A100-80GB", 1), 2.5),
        (offer("T4"), 0.5),
        (offer(None), 0.5),
        (None, 0.5),
    ],
)
def test_a_replica_can_take_what_is_said_of_its_accelerators(
    found: Offer | None, expected: float
) -> None:
    assert capacity(found, QPS) == expected


def test_without_a_word_of_accelerators_all_can_take_the_same() -> None:
    assert capacity(offer("H100", 8), {}) == capacity(None, {}) == 1
