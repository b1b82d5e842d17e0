"""What the catalogue that ships has for requests that people write, as tables to be read."""

from __future__ import annotations

import pytest

from skyflow.catalog import Catalog, search
from skyflow.placement.offers import ResourceRequest
from skyflow.spec import ResourceOverrides
from skyflow.spec.request_options import requests_of

ACCELERATORS = "{L4:8, A10g:8, A100:4, A100:8, A100-80GB:2}"

ON_DEMAND = """
lambda gpu_4x_a100      A100:4       7.96
gcp    g2-standard-96   L4:8         7.98
gcp    a2-ultragpu-2g   A100-80GB:2 10.06
aws    g6.48xlarge      L4:8        13.35
gcp    a2-highgpu-4g    A100:4      14.69
lambda gpu_8x_a100      A100:8      15.92
aws    g5.48xlarge      A10G:8      16.29
aws    p4d.24xlarge     A100:8      21.96
gcp    a2-highgpu-8g    A100:8      29.39
"""

SPOT = """
aws    g6.48xlarge      L4:8         1.78
aws    g5.48xlarge      A10G:8       2.76
gcp    g2-standard-96   L4:8         2.79
gcp    a2-ultragpu-2g   A100-80GB:2  3.60
aws    p4d.24xlarge     A100:8       5.16
gcp    a2-highgpu-4g    A100:4       6.77
gcp    a2-highgpu-8g    A100:8      13.54
"""

FORMS: list[tuple[dict[str, object], str]] = [
    ({}, "nebius cpu-d3_8vcpu-32gb 0.20"),
    ({"infra": "aws"}, "aws m6i.2xlarge 0.38"),
    ({"infra": "aws/us-west-2", "cpus": "4"}, "aws m6i.xlarge 0.19"),
    ({"cpus": "4+", "memory": "8+", "infra": "aws"}, "aws c6i.xlarge 0.17"),
    (
        {"cpus": "2", "memory": "8", "infra": "gcp/us-central1/us-central1-a"},
        "gcp e2-standard-2 0.07",
    ),
    ({"infra": "aws", "memory": "64"}, "aws r6i.2xlarge 0.50"),
    ({"infra": "aws", "instance_type": "t3.medium"}, "aws t3.medium 0.04"),
    ({"gpus": "a100-80g:8"}, "lambda gpu_8x_a100_80gb_sxm4 A100-80GB:8 22.32"),
    ({"gpus": "NVIDIA L4"}, "gcp g2-standard-4 L4:1 0.70"),
    ({"gpus": "80GB+:2"}, "lambda gpu_2x_h100_sxm5 H100:2 8.38"),
    ({"gpus": "nvidia:24GB"}, "lambda gpu_1x_rtx6000 RTX6000:1 0.69"),
    ({"gpus": "141GB:8", "use_spot": True}, "aws p5en.48xlarge H200:8 8.66"),
    ({"gpus": "L4", "cpus": "16+"}, "gcp g2-standard-16 L4:1 1.14"),
    ({"gpus": "T4:4", "local_disk": "nvme:900"}, "aws g4dn.12xlarge T4:4 3.91"),
    (
        {"gpus": "H100:8", "local_disk": "ssd:10000+", "max_hourly_cost": 60.0},
        "aws p5.48xlarge H100:8 55.04",
    ),
    ({"infra": "aws/us-east-1/use1-az2", "gpus": "H100:8"}, "aws p5.48xlarge H100:8 55.04"),
    ({"gpus": "Inferentia2"}, "aws inf2.xlarge Inferentia2:1 0.76"),
]


def table(catalog: Catalog, requests: tuple[ResourceRequest, ...]) -> str:
    """Return each type with its least price anywhere, cheapest first."""
    least: dict[tuple[str, ...], float] = {}
    for request in requests:
        for price, (machine, *_) in search(catalog, request):
            what = f"{machine.accelerator}:{machine.accelerator_count:g}"
            key = (machine.cloud, machine.name, what if machine.accelerator else "")
            least[key] = min(price, least.get(key, price))
    rows = sorted(least.items(), key=lambda each: each[1])
    lines = (f"{c:6} {name:16} {what:11} {price:5.2f}" for (c, name, what), price in rows)
    return "\n" + "\n".join(lines) + "\n"


def asked(**given: object) -> tuple[ResourceRequest, ...]:
    return requests_of(ResourceOverrides(**given))  # type: ignore[arg-type]


def test_accelerators_of_equal_worth_on_demand(shipped: Catalog) -> None:
    assert table(shipped, asked(gpus=ACCELERATORS)) == ON_DEMAND


def test_accelerators_of_equal_worth_as_spot(shipped: Catalog) -> None:
    assert table(shipped, asked(gpus=ACCELERATORS, use_spot=True)) == SPOT


@pytest.mark.parametrize(("given", "cheapest"), FORMS, ids=[str(given) for given, _ in FORMS])
def test_cheapest_for_each_form_of_resources(
    shipped: Catalog, given: dict[str, object], cheapest: str
) -> None:
    first = table(shipped, asked(**given)).splitlines()[1]
    assert " ".join(first.split()) == cheapest
