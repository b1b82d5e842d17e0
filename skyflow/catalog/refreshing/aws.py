"""Prices of AWS: on demand from its price list, the rest from EC2 if there is an account."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from skyflow.catalog.machines import Listing, Zone, in_order
from skyflow.catalog.refreshing.aws_price_list import URL, fetch_price_list
from skyflow.catalog.refreshing.source import Fetched, Report
from skyflow.clouds.aws import credentials
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.errors import CloudError

if TYPE_CHECKING:
    from skyflow.catalog.refreshing.aws_types import RegionOffer

_NO_ACCOUNT = (
    "no account: spot prices, zones and types stay as they were; set up credentials "
    "(docs/clouds/aws.md) to fetch them too"
)


class AwsPrices:
    """Prices of AWS."""

    cloud = "aws"

    def __init__(self, settings: AwsSettings, base_url: str = URL) -> None:
        self._settings = settings
        self._base_url = base_url.rstrip("/")

    async def fetch(self, region: str, known: Sequence[Listing], report: Report) -> Fetched:
        """Return the listings of a region; without an account, those that are known with prices.

        Raises:
            CloudError: The price list could not be fetched.

        """
        prices = await fetch_price_list(region, self._base_url, report)
        date = datetime.now(UTC).date().isoformat()
        if not await asyncio.to_thread(credentials.may_exist, self._settings):
            return Fetched(repriced(known, prices, date), _NO_ACCOUNT)
        report(f"aws/{region}: types and spot prices")
        try:
            offered = await self._ask(region)
        except CloudError as error:
            lacking = f"spot prices, zones and types stay as they were: {error.message}"
            return Fetched(repriced(known, prices, date), lacking)
        return Fetched(priced(region, offered, prices, date))

    async def _ask(self, region: str) -> RegionOffer:
        # Imported late: boto3 takes a while to load, and mostly nobody has credentials.
        from skyflow.catalog.refreshing.aws_types import fetch_region
        from skyflow.clouds.aws.client import AwsApi

        return await fetch_region(AwsApi(self._settings), region)


def repriced(
    known: Sequence[Listing], prices: Mapping[str, float], date: str
) -> tuple[Listing, ...]:
    """Return what is known of a region with its prices on demand of a day.

    What the price list no longer has is not sold any more.
    """
    return tuple(
        listing._replace(price=prices[listing.type.name], date=date)
        for listing in known
        if listing.type.name in prices
    )


def priced(
    region: str, offered: RegionOffer, prices: Mapping[str, float], date: str
) -> tuple[Listing, ...]:
    """Return the listings of what a region sells, with its prices of a day."""
    listings = []
    for machine in offered.types:
        price = prices.get(machine.name)
        zones = in_order(
            Zone(zone, offered.spot_prices.get((machine.name, zone)))
            for zone in offered.zones.get(machine.name, ())
        )
        if zones and (price is not None or zones[0].spot_price is not None):
            listings.append(Listing(machine, region, price, zones, date))
    return tuple(listings)
