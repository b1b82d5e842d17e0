from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from skyflow.catalog import Listing, load_catalog
from skyflow.catalog.refreshing.aws import AwsPrices
from skyflow.catalog.refreshing.refresh import RegionRefresh, refresh
from skyflow.catalog.refreshing.source import Fetched, Report
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.config import Settings
from skyflow.errors import CloudError
from tests.catalog.price_servers import PriceServer, price_list

TODAY = datetime.now(UTC).date().isoformat()
P4D = {"Instance Type": "p4d.24xlarge", "PricePerUnit": "20.5"}


class Fixed:
    """Prices that need no network."""

    cloud = "aws"

    def __init__(self, **answers: Sequence[Listing] | CloudError) -> None:
        self._answers = answers

    async def fetch(self, region: str, known: Sequence[Listing], report: Report) -> Fetched:
        answer = self._answers.get(region.replace("-", "_"), ())
        if isinstance(answer, CloudError):
            raise answer
        return Fetched(answer)


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = str(tmp_path_factory.mktemp("aws") / "none")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
    monkeypatch.setenv("AWS_CONFIG_FILE", nowhere)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


async def refreshed(
    settings: Settings, source: AwsPrices | Fixed, *regions: str
) -> list[RegionRefresh]:
    return [each async for each in refresh(settings, [source], regions, lambda _: None)]


def of(settings: Settings, name: str, region: str) -> list[Listing]:
    return [
        listing
        for listing in load_catalog(settings).listings()
        if (listing.type.name, listing.region) == (name, region)
    ]


async def test_public_prices_are_those_of_today_and_the_rest_stays(
    settings: Settings, price_server: PriceServer
) -> None:
    price_server.aws["us-east-1"] = price_list(P4D)
    [before] = of(settings, "p4d.24xlarge", "us-east-1")
    source = AwsPrices(AwsSettings(), price_server.url)
    [result] = await refreshed(settings, source, "us-east-1")
    assert (result.listings, result.failed) == (1, False)
    assert "no account" in (result.problem or "")
    assert of(settings, "p4d.24xlarge", "us-east-1") == [before._replace(price=20.5, date=TODAY)]
    assert of(settings, "m6i.large", "us-east-1") == []
    assert of(settings, "p4d.24xlarge", "us-west-2")[0].date < TODAY


async def test_region_that_fails_keeps_what_it_had(
    settings: Settings, price_server: PriceServer
) -> None:
    price_server.aws |= {"us-east-1": 503, "us-west-2": price_list(P4D)}
    before = of(settings, "p4d.24xlarge", "us-east-1")
    source = AwsPrices(AwsSettings(), price_server.url)
    results = await refreshed(settings, source, "us-east-1", "us-west-2")
    assert [result.failed for result in results] == [True, False]
    assert "503" in (results[0].problem or "")
    assert of(settings, "p4d.24xlarge", "us-east-1") == before
    assert of(settings, "p4d.24xlarge", "us-west-2")[0].price == 20.5


async def test_one_region_after_another_leaves_both_new(
    settings: Settings, price_server: PriceServer
) -> None:
    price_server.aws |= {"us-east-1": price_list(P4D), "us-west-2": price_list(P4D)}
    source = AwsPrices(AwsSettings(), price_server.url)
    for region in ("us-east-1", "us-west-2"):
        await refreshed(settings, source, region)
        assert of(settings, "p4d.24xlarge", region)[0].date == TODAY
    assert of(settings, "p4d.24xlarge", "us-east-1")[0].price == 20.5


async def test_every_region_of_the_catalogue_is_asked_unless_some_are_named(
    settings: Settings,
) -> None:
    regions = {
        listing.region
        for listing in load_catalog(settings).listings()
        if listing.type.cloud == "aws"
    }
    assert {result.region for result in await refreshed(settings, Fixed())} == regions


async def test_nothing_sold_leaves_what_there_was(settings: Settings) -> None:
    [result] = await refreshed(settings, Fixed(), "us-east-1")
    assert result.failed
    assert of(settings, "p4d.24xlarge", "us-east-1")


async def test_own_prices_are_not_taken_for_fetched_ones(
    settings: Settings, price_server: PriceServer
) -> None:
    settings.own_prices.parent.mkdir(parents=True)
    settings.own_prices.write_text(
        "cloud,instance_type,vcpus,memory_gib,region,zone,price_usd_hour\n"
        "aws,mine,8,32,us-east-1,use1-az1,1\n"
    )
    price_server.aws["us-east-1"] = price_list(P4D, {"Instance Type": "mine", "PricePerUnit": "2"})
    await refreshed(settings, AwsPrices(AwsSettings(), price_server.url), "us-east-1")
    assert [listing.price for listing in of(settings, "mine", "us-east-1")] == [1]
    settings.own_prices.unlink()
    assert of(settings, "mine", "us-east-1") == []
