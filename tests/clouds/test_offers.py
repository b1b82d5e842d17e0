from __future__ import annotations

from typing import Any

import psutil
import pytest

from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.matching import meets
from skyflow.config import Settings
from skyflow.errors import InvalidRequest
from skyflow.placement.offers import Offer, Place, ResourceRequest

OFFER = Offer(
    place=Place(cloud="fake", region="r1", zone="r1-a", instance_type="large", use_spot=True),
    hourly_price=1,
    cpus=8,
    memory_gib=32,
    accelerator="L4",
    accelerator_count=2,
)


async def test_this_computer_is_offered_with_its_real_size(settings: Settings) -> None:
    offers = await LocalCloud(settings).offers(ResourceRequest())
    assert [offer.hourly_price for offer in offers] == [0]
    assert offers[0].cpus == psutil.cpu_count()
    assert str(offers[0].place) == "local/local/local"


@pytest.mark.parametrize(
    "wanted",
    [
        {"accelerator": "L4", "accelerator_count": 1},
        {"cpus": 100_000},
        {"memory_gib": 10_000_000},
        {"cloud": "aws"},
        {"region": "us-east-1"},
        {"instance_type": "m5.large"},
    ],
)
async def test_this_computer_is_not_offered_for_what_it_is_not(
    settings: Settings, wanted: dict[str, Any]
) -> None:
    assert not await LocalCloud(settings).offers(ResourceRequest(**wanted))


async def test_this_computer_cannot_be_stopped(settings: Settings) -> None:
    with pytest.raises(InvalidRequest):
        await LocalCloud(settings).stop(["skyflow-test-1"], "local")
    with pytest.raises(InvalidRequest):
        await LocalCloud(settings).start(["skyflow-test-1"], "local")


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"cloud": "fake", "region": "r1", "zone": "r1-a", "instance_type": "large"},
        {"cpus": 4, "memory_gib": 32},
        {"cpus": 8, "cpus_or_more": False},
        {"accelerator": "L4", "accelerator_count": 2},
    ],
)
def test_offer_that_has_all_that_is_named_meets_a_request(wanted: dict[str, Any]) -> None:
    assert meets(OFFER, ResourceRequest(use_spot=True, **wanted))


@pytest.mark.parametrize(
    "wanted",
    [
        {"use_spot": False},
        {"zone": "r1-b"},
        {"cpus": 4, "cpus_or_more": False},
        {"memory_gib": 64},
        {"accelerator": "L4", "accelerator_count": 1},
        {"accelerator": "A100", "accelerator_count": 2},
    ],
)
def test_offer_that_lacks_something_does_not_meet_a_request(wanted: dict[str, Any]) -> None:
    assert not meets(OFFER, ResourceRequest(**{"use_spot": True} | wanted))
