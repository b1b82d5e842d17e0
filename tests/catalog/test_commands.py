"""`skyflow offers` and `skyflow catalog` as a user calls them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import root
from skyflow.config import Settings
from tests.catalog.price_servers import PriceServer, price_list, sku

TODAY = datetime.now(UTC).date().isoformat()

pytestmark = pytest.mark.usefixtures("settings")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, arguments)


def document(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    return json.loads(result.stdout)


def rows(result: Result) -> list[list[str]]:
    table = result.stdout.split("\n\n")[0].splitlines()
    return [line.split() for line in table[1:] if not line.startswith("...")]


def test_offers_are_listed_cheapest_first_with_their_zones() -> None:
    result = run("offers", "--gpus", "a100:8", "--cloud", "aws", "--all")
    assert result.exit_code == 0
    first = rows(result)[0]
    assert first[:5] == ["aws/us-east-2", "p4d.24xlarge", "96", "1152", "GiB"]
    assert first[5:8] == ["A100:8", "$21.96", "$10.62"]
    assert first[8:] == ["use2-az1,", "use2-az2,", "use2-az3"]
    prices = [float(row[6][1:]) for row in rows(result)]
    assert prices == sorted(prices)
    assert "Prices as they were on 2025-07-01" in result.stdout


def test_spot_offers_have_a_price_in_each_zone() -> None:
    result = run("offers", "--gpus", "A100:8", "--spot", "--cloud", "aws", "--region", "us-east-1")
    [row] = rows(result)
    assert row[6] == row[9].rstrip(",")
    assert row[7] == "$21.96"


def test_twenty_are_shown_and_the_rest_counted() -> None:
    result = run("offers", "--gpus", "L4:8")
    assert len(rows(result)) == 20
    more = len(rows(run("offers", "--gpus", "L4:8", "--all"))) - 20
    assert f"... and {more} more offers; --all shows them." in result.stdout


def test_offers_as_a_document_say_where_machines_can_be_started() -> None:
    found = document("offers", "--gpus", "{L4:8, A10G:8}", "--max-price", "13")
    assert found["reasons"] == []
    assert found["offers"][0] == {
        "cloud": "gcp",
        "region": "us-east4",
        "instance_type": "g2-standard-96",
        "cpus": 96.0,
        "memory_gib": 384.0,
        "accelerator": "L4",
        "accelerator_count": 8.0,
        "accelerator_memory_gib": 24.0,
        "local_disk_gb": 0.0,
        "hourly_price": 7.97712,
        "zones": found["offers"][0]["zones"],
        "date": "2025-07-01",
        "can_start": False,
    }
    assert {offer["accelerator"] for offer in found["offers"]} == {"L4"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--gpus", "H1000"], 2, "there is no accelerator 'H1000'; did you mean 'H100'?"),
        (["--gpus", "L4:two"], 2, "--gpus: found 'L4:two'; allowed: NAME or NAME:COUNT"),
        (["--cpus", "many"], 2, "--cpus: found 'many'; allowed: a number of CPUs"),
        (
            ["--region", "us-easst-1"],
            2,
            "there is no region 'us-easst-1'; did you mean 'us-east-1'?",
        ),
        (["--cloud", "aws", "--zone", "us-east-1a"], 2, "name the region us-east-1 instead"),
        (["-t", "p4d.24xlage"], 2, "did you mean 'p4d.24xlarge'?"),
        (["--gpus", "L4:3"], 1, "`accelerators`: L4 comes 1 or 2 or 4 or 8 to a machine"),
        (["--gpus", "L4:0.5"], 1, "`accelerators`: L4 comes 1 or 2 or 4 or 8 to a machine"),
        (
            ["--gpus", "A100:8", "--max-price", "9"],
            1,
            "nothing that has the rest costs at most $9/h; the cheapest: gpu_8x_a100",
        ),
        (["--gpus", "A10", "--spot"], 1, "`use_spot`: without it there are"),
        (
            ["--gpus", "A100:4", "--cloud", "aws"],
            1,
            "A100 comes 8 to a machine",
        ),
    ],
)
def test_what_is_not_offered_is_explained(arguments: list[str], code: int, said: str) -> None:
    result = run("offers", *arguments)
    assert result.exit_code == code
    assert said in result.output


def test_catalogue_says_how_much_it_has_and_from_when() -> None:
    found = {each["cloud"]: each for each in document("catalog", "show")["clouds"]}
    assert found["aws"] == {
        "cloud": "aws",
        "types": 43,
        "regions": 23,
        "offers": 1639,
        "first_date": "2025-07-01",
        "last_date": "2025-07-01",
    }
    assert sum(each["offers"] for each in found.values()) == 4200
    assert "lambda" in run("catalog", "show").stdout


def test_refresh_says_what_came_of_each_region(price_server: PriceServer) -> None:
    price_server.aws["us-east-1"] = price_list(
        {"Instance Type": "p4d.24xlarge", "PricePerUnit": "20.5"}
    )
    named = ("--cloud", "aws", "--region", "us-east-1", "--region", "us-nowhere-1")
    result = run("catalog", "refresh", *named)
    assert result.exit_code == 1
    assert "aws/us-east-1: new prices of 1 machine type" in result.stderr
    assert "aws/us-nowhere-1: kept the prices it had" in result.stderr
    assert "1 region of 2 with new prices." in result.stdout
    offers = document("offers", "--gpus", "A100:8", "--region", "us-east-1", "--cloud", "aws")
    assert [(each["hourly_price"], each["date"]) for each in offers["offers"]] == [(20.5, TODAY)]


def test_refresh_of_google_cloud_needs_a_key(
    price_server: PriceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    price_server.gcp_pages = [
        [
            sku("G2 Instance Core running in Iowa", 0.02, "OnDemand", "us-central1"),
            sku("G2 Instance Ram running in Iowa", 0.003, "OnDemand", "us-central1"),
            sku("Nvidia L4 GPU running in Iowa", 0.5, "OnDemand", "us-central1"),
        ]
    ]
    named = ("catalog", "refresh", "--cloud", "gcp", "--region", "us-central1")
    assert "SKYFLOW_GCP_API_KEY is not set" in run(*named).output
    monkeypatch.setenv("SKYFLOW_GCP_API_KEY", price_server.key)
    found = document(*named)
    assert [(each["region"], each["failed"]) for each in found["regions"]] == [
        ("us-central1", False)
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cloud", "lambda"], "the prices of 'lambda' cannot be fetched; those of aws, gcp can"),
        (["--cloud", "aws", "--cloud", "gcp", "--region", "x"], "more than one cloud"),
    ],
)
def test_refresh_that_cannot_work_is_refused(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYFLOW_GCP_API_KEY", "key")
    result = run("catalog", "refresh", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_bad_own_prices_are_named_by_every_command(settings: Settings) -> None:
    settings.own_prices.parent.mkdir(parents=True)
    settings.own_prices.write_text("cloud,price\n")
    for arguments in (["offers"], ["catalog", "show"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert f"{settings.own_prices}:1: has no column" in result.output
