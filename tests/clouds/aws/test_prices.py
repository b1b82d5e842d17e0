"""Prices of a region that an account can ask for."""

from __future__ import annotations

import pytest

from skyflow.catalog import Listing, load_catalog
from skyflow.catalog.refreshing.aws import AwsPrices
from skyflow.catalog.refreshing.refresh import refresh
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.config import Settings
from tests.catalog.price_servers import price_list, running_price_server

pytestmark = pytest.mark.usefixtures("account")

REGION = "us-east-1"
PRICES = price_list(
    {"Instance Type": "g5.xlarge", "PricePerUnit": "1.006"},
    {"Instance Type": "m5.large", "PricePerUnit": "0.096"},
    {"Instance Type": "m6g.large", "PricePerUnit": "0.077"},
)


async def test_types_zones_and_spot_prices_come_from_ec2(settings: Settings) -> None:
    found = await refreshed(settings)
    g5 = found["g5.xlarge"]
    assert (g5.price, g5.type.accelerator, g5.type.accelerator_count) == (1.006, "A10G", 1)
    assert (g5.type.cpus, g5.type.memory_gib, g5.type.local_disk_gb) == (4, 16, 250)
    assert {zone.name.split("-")[0] for zone in g5.zones} == {"use1"}
    assert any(zone.spot_price for zone in g5.zones)
    assert found["m5.large"].price == 0.096
    assert "m6g.large" not in found


async def test_with_an_account_that_cannot_be_used_public_prices_are_new_all_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYFLOW_AWS_PROFILE", "unknown")
    found = await refreshed(settings, "spot prices, zones and types stay as they were")
    assert found["g5.xlarge"].price == 1.006


async def refreshed(settings: Settings, problem: str | None = None) -> dict[str, Listing]:
    """Return the listings of a region, by type, once they were fetched."""
    with running_price_server() as server:
        server.aws[REGION] = PRICES
        source = AwsPrices(AwsSettings.from_environment(), server.url)
        [result] = [each async for each in refresh(settings, [source], [REGION], lambda _: None)]
    assert not result.failed
    assert (result.problem or "").startswith(problem or "")
    assert bool(result.problem) == bool(problem)
    listings = load_catalog(settings).listings()
    return {
        listing.type.name: listing
        for listing in listings
        if (listing.type.cloud, listing.region) == ("aws", REGION)
    }
