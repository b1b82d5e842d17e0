"""What each form of `resources`, and every example, gets: in which order offers are tried.

Machines are those of tests/unit/prices.csv, as if all its clouds could be used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from skyflow.catalog import Catalog, load_catalog, offers
from skyflow.catalog.price_table import read_prices
from skyflow.clouds.matching import meets
from skyflow.config import Settings
from skyflow.placement.offers import Offer, Place
from skyflow.placement.ranking import rank
from skyflow.spec import LoadOptions, Task, load_task
from tests.examples.conftest import EXAMPLES
from tests.spec.conftest import MINIMAL
from tests.unit.offers import table

PRICES = Catalog.of(read_prices(Path(__file__).with_name("prices.csv"), "2026-01-01"))
OPTIONS = LoadOptions(secrets={"HF_TOKEN": "hf_example"}, environ={})
EVERYWHERE = ("fastchat-vicuna", "tgi-vicuna", "vllm-mixtral", "toy-llm/service")
"""Examples that do not name this computer."""
MIXTRAL = "{L4:8, A10g:8, A100:4, A100:8, A100-80GB:2, A100-80GB:4, A100-80GB:8}"


def ranked(task: Task, catalog: Catalog = PRICES) -> Sequence[Offer]:
    """Return the offers for a task, as the clouds of a catalogue give them."""
    wanted = task.settings()
    found: dict[Place, Offer] = {}
    for at, request in enumerate(wanted.resources):
        preference = at if wanted.ordered else 0
        for offer in offers(catalog, request):
            placed = offer.model_copy(update={"request": at, "preference": preference})
            found.setdefault(placed.place, placed)
    return rank(found.values())


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (
            f"{{accelerators: {MIXTRAL}}}",
            """
            7.9967 gcp/us-central1/us-central1-a g2-standard-96
            10.1376 gcp/us-central1/us-central1-a a2-ultragpu-2g
            13.3504 aws/us-east-1/use1-az1 g6.48xlarge
            14.694 gcp/us-central1/us-central1-a a2-highgpu-4g
            16.288 aws/us-east-1/use1-az1 g5.48xlarge
            20.2752 gcp/us-central1/us-central1-a a2-ultragpu-4g
            21.9576 aws/us-east-1/use1-az1 p4d.24xlarge
            27.4471 aws/us-east-1/use1-az1 p4de.24xlarge
            """,
        ),
        (
            "{accelerators: [A100:4, L4:8]}",
            """
            14.694 gcp/us-central1/us-central1-a a2-highgpu-4g
            7.9967 gcp/us-central1/us-central1-a g2-standard-96
            13.3504 aws/us-east-1/use1-az1 g6.48xlarge
            """,
        ),
        (
            "{accelerators: L4}",
            """
            0.7068 gcp/us-central1/us-central1-a g2-standard-4
            0.8048 aws/us-east-1/use1-az1 g6.xlarge
            0.8048 aws/us-east-1/use1-az2 g6.xlarge
            0.8048 aws/us-west-2/usw2-az1 g6.xlarge
            """,
        ),
        (
            "{accelerators: L4, use_spot: true}",
            """
            0.28 gcp/us-central1/us-central1-a g2-standard-4 spot
            0.3 aws/us-west-2/usw2-az1 g6.xlarge spot
            0.33 aws/us-east-1/use1-az1 g6.xlarge spot
            0.35 aws/us-east-1/use1-az2 g6.xlarge spot
            """,
        ),
        (
            "{accelerators: 'nvidia:80GB+:2'}",
            """
            10.1376 gcp/us-central1/us-central1-a a2-ultragpu-2g
            22.12 gcp/us-central1/us-central1-a a3-highgpu-2g
            """,
        ),
        (
            "{accelerators: 48GB}",
            """
            1.55 nebius/eu-north1/eu-north1 l40s-1gpu
            """,
        ),
        (
            "{cpus: 8}",
            """
            0.384 aws/us-east-1/use1-az1 m6i.2xlarge
            0.384 aws/us-east-1/use1-az2 m6i.2xlarge
            0.384 aws/us-west-2/usw2-az1 m6i.2xlarge
            0.3885 gcp/us-central1/us-central1-a n2-standard-8
            0.428 aws/eu-west-1/euw1-az1 m6i.2xlarge
            0.4746 aws/us-east-1/use1-az1 m6id.2xlarge
            """,
        ),
        (
            "{cpus: 8+, memory: 16, infra: aws}",
            """
            0.34 aws/us-east-1/use1-az1 c6i.2xlarge
            """,
        ),
        (
            "{cpus: 8, max_hourly_cost: 0.385}",
            """
            0.384 aws/us-east-1/use1-az1 m6i.2xlarge
            0.384 aws/us-east-1/use1-az2 m6i.2xlarge
            0.384 aws/us-west-2/usw2-az1 m6i.2xlarge
            """,
        ),
        (
            "{cpus: 8, local_disk: 'nvme:300+'}",
            """
            0.4746 aws/us-east-1/use1-az1 m6id.2xlarge
            """,
        ),
        (
            "{instance_type: g6.xlarge, region: us-east-1}",
            """
            0.8048 aws/us-east-1/use1-az1 g6.xlarge
            0.8048 aws/us-east-1/use1-az2 g6.xlarge
            """,
        ),
        (
            "{accelerators: L4, infra: aws/us-east-1/use1-az2}",
            """
            0.8048 aws/us-east-1/use1-az2 g6.xlarge
            """,
        ),
        (
            "{accelerators: L4, any_of: [{infra: aws/us-west-2}, {infra: gcp}]}",
            """
            0.7068 gcp/us-central1/us-central1-a g2-standard-4
            0.8048 aws/us-west-2/usw2-az1 g6.xlarge
            """,
        ),
        (
            "{accelerators: L4, ordered: [{infra: aws/us-west-2}, {infra: gcp}]}",
            """
            0.8048 aws/us-west-2/usw2-az1 g6.xlarge
            0.7068 gcp/us-central1/us-central1-a g2-standard-4
            """,
        ),
        ("{accelerators: H200}", ""),
    ],
)
def test_every_form_of_resources_is_ranked(tmp_path: Path, resources: str, expected: str) -> None:
    path = tmp_path / "service.yaml"
    path.write_text(f"resources: {resources}\n{MINIMAL}")
    task = load_task(path, OPTIONS)
    assert table(ranked(task)) == dedent(expected).strip()


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        (
            "fastchat-vicuna",
            """
            0.7068 gcp/us-central1/us-central1-a g2-standard-4
            0.8048 aws/us-east-1/use1-az1 g6.xlarge
            0.8048 aws/us-east-1/use1-az2 g6.xlarge
            0.8048 aws/us-west-2/usw2-az1 g6.xlarge
            1.29 lambda/us-west-1/us-west-1 gpu_1x_a100_sxm4
            """,
        ),
        (
            "tgi-vicuna",
            """
            1.29 lambda/us-west-1/us-west-1 gpu_1x_a100_sxm4
            1.55 nebius/eu-north1/eu-north1 l40s-1gpu
            """,
        ),
        (
            "vllm-mixtral",
            """
            7.9967 gcp/us-central1/us-central1-a g2-standard-96
            10.1376 gcp/us-central1/us-central1-a a2-ultragpu-2g
            13.3504 aws/us-east-1/use1-az1 g6.48xlarge
            14.694 gcp/us-central1/us-central1-a a2-highgpu-4g
            16.288 aws/us-east-1/use1-az1 g5.48xlarge
            22.12 gcp/us-central1/us-central1-a a3-highgpu-2g
            """,
        ),
        (
            "toy-llm/service",
            """
            0.384 aws/us-east-1/use1-az1 m6i.2xlarge
            0.384 aws/us-east-1/use1-az2 m6i.2xlarge
            0.384 aws/us-west-2/usw2-az1 m6i.2xlarge
            0.3885 gcp/us-central1/us-central1-a n2-standard-8
            0.428 aws/eu-west-1/euw1-az1 m6i.2xlarge
            0.4746 aws/us-east-1/use1-az1 m6id.2xlarge
            """,
        ),
    ],
)
def test_every_example_is_ranked(example: str, expected: str) -> None:
    task = load_task(EXAMPLES / f"{example}.yaml", OPTIONS)
    assert table(ranked(task)) == dedent(expected).strip()


@pytest.mark.parametrize("example", EVERYWHERE)
def test_every_example_finds_machines_that_meet_it_in_the_prices_that_ship(
    example: str, tmp_path: Path
) -> None:
    task = load_task(EXAMPLES / f"{example}.yaml", OPTIONS)
    wanted = task.settings().resources
    found = ranked(task, load_catalog(Settings(home=tmp_path)))
    assert {"aws", "gcp"} <= {offer.place.cloud for offer in found}
    assert all(meets(offer, wanted[offer.request]) for offer in found)
    if not task.settings().ordered:
        assert found[0].hourly_price == min(offer.hourly_price for offer in found)
