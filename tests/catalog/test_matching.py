from __future__ import annotations

from typing import Any

import pytest

from skyflow.clouds.matching import meets
from skyflow.placement.local_disk import LocalDisk, parse_local_disk
from skyflow.placement.offers import Offer, Place, ResourceRequest

OFFER = Offer(
    place=Place(cloud="aws", region="us-east-1", zone="use1-az1", instance_type="p4d.24xlarge"),
    hourly_price=21.95,
    cpus=96,
    memory_gib=1152,
    accelerator="A100",
    accelerator_count=8,
    accelerator_memory_gib=40,
    local_disk_gib=8000 * 1e9 / 2**30,
)


@pytest.mark.parametrize(
    "wanted",
    [
        {"accelerator_memory_gib": 40, "accelerator_count": 8},
        {
            "accelerator_memory_gib": 24,
            "accelerator_count": 8,
            "accelerator_memory_or_more": True,
            "accelerator_maker": "nvidia",
        },
        {"max_hourly_price": 21.95},
        {"local_disk": "nvme"},
        {"local_disk": "nvme:8000"},
        {"local_disk": "ssd:4000+"},
        {"local_disk": "4000+"},
        {"cpus": 96, "cpus_or_more": False, "memory_gib": 1000},
    ],
)
def test_machine_with_all_that_is_named_meets_a_request(wanted: dict[str, Any]) -> None:
    assert meets(OFFER, ResourceRequest(**wanted))


@pytest.mark.parametrize(
    "wanted",
    [
        {"accelerator_memory_gib": 40, "accelerator_count": 1},
        {"accelerator_memory_gib": 24, "accelerator_count": 8},
        {
            "accelerator_memory_gib": 80,
            "accelerator_count": 8,
            "accelerator_memory_or_more": True,
        },
        {"accelerator_memory_gib": 40, "accelerator_count": 8, "accelerator_maker": "amd"},
        {"accelerator": "A100", "accelerator_count": 0.5},
        {"max_hourly_price": 21.94},
        {"local_disk": "nvme:4000"},
        {"local_disk": "ssd:8002+"},
        {"local_disk": "hdd:100"},
    ],
)
def test_machine_that_lacks_something_does_not_meet_a_request(wanted: dict[str, Any]) -> None:
    assert not meets(OFFER, ResourceRequest(**wanted))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nvme:300+", LocalDisk("nvme", 300, or_more=True)),
        ("SSD:500", LocalDisk("ssd", 500, or_more=False)),
        ("nvme", LocalDisk("nvme", 100, or_more=True)),
        ("1000.5", LocalDisk("nvme", 1000.5, or_more=False)),
        *((wrong, None) for wrong in ("", ":", "nvme+", "nvme:", "hdd:5", "nvme:0", "nvme5")),
    ],
)
def test_forms_of_local_disks_are_those_of_skypilot(text: str, expected: LocalDisk | None) -> None:
    assert parse_local_disk(text) == expected
