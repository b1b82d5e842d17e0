"""Nothing is offered: the error says what each key asks too much of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skyflow.clouds.fake import SCRIPT_VARIABLE
from skyflow.clouds.registry import find_offers
from skyflow.config import Settings
from skyflow.contracts import OfferQuery, Offers
from skyflow.placement.offers import ResourceRequest
from skyflow.sdk.nothing_offered import nothing_offered

PLACES = [
    {"region": "us", "zone": "us-a", "hourly_price": 1, "cpus": 8},
    *(
        {
            "region": region,
            "zone": f"{region}-a",
            "instance_type": f"gpu{count}",
            "hourly_price": 3 * count,
            "cpus": 16,
            "accelerator": "A100",
            "accelerator_count": count,
        }
        for region, count in (("us", 1), ("us", 8), ("eu", 1))
    ),
]


@pytest.fixture(autouse=True)
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"machines": "none", "places": PLACES}))
    monkeypatch.setenv(SCRIPT_VARIABLE, str(path))


A100 = {"accelerator": "A100", "accelerator_count": 1}


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        (
            {**A100, "region": "asia"},
            [
                "`region`: it is offered in fake/eu, fake/us; the cheapest: gpu1 in fake/eu/eu-a "
                "at $3/h"
            ],
        ),
        (
            {"accelerator": "A1000", "accelerator_count": 1},
            ["`accelerators`: no cloud that can be used has `A1000`; did you mean `A100`?"],
        ),
        (
            {"accelerator": "TPU", "accelerator_count": 1},
            ["`accelerators`: no cloud that can be used has `TPU`; there are: A100"],
        ),
        (
            {**A100, "accelerator_count": 4},
            [
                "`accelerators`: A100 comes 1 or 8 to a machine; the cheapest: gpu1 in "
                "fake/eu/eu-a at $3/h"
            ],
        ),
        (
            {**A100, "max_hourly_price": 2.0},
            [
                "`max_hourly_cost`: nothing that has the rest costs at most $2/h; the cheapest: "
                "gpu1 in fake/eu/eu-a at $3/h",
            ],
        ),
        (
            {"use_spot": True},
            [
                "`use_spot`: without it there are 4 offers; the cheapest: small in fake/us/us-a "
                "at $1/h"
            ],
        ),
        (
            {"region": "asia", "cpus": 99.0},
            ["leaving out any one of these keys would not do: region, cpus"],
        ),
    ],
)
async def test_the_error_says_why(
    settings: Settings, fields: dict[str, object], reasons: list[str]
) -> None:
    request = ResourceRequest().model_copy(update=fields)
    query = OfferQuery(resources=(request,))
    found = await find_offers(settings, query)
    error = await nothing_offered(settings, query, found)
    assert [line.strip() for line in error.message.splitlines()[1:]] == reasons
    assert error.remedy is not None
    assert "skyflow check" in error.remedy


async def test_a_computer_without_accelerators_is_said_to_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SCRIPT_VARIABLE)
    settings = Settings(home=tmp_path)
    query = OfferQuery(resources=(ResourceRequest().model_copy(update=A100),))
    error = await nothing_offered(settings, query, Offers(offers=()))
    assert "  `accelerators`: no cloud that can be used has any\n" in f"{error.message}\n"
