"""The price list that AWS publishes for everybody: prices on demand, a file for each region.

Format: "Reading the service price list file for an AWS service" in the AWS Billing User Guide. A
file has some hundreds of MB, nearly all of it prices of other systems and reservations.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Mapping, Sequence

import httpx

from skyflow.catalog.refreshing.source import Report
from skyflow.errors import CloudError

URL = "https://pricing.us-east-1.amazonaws.com"
"""Where the price lists of all regions are."""

_PATH = "/offers/v1.0/aws/AmazonEC2/current/{region}/index.csv"
_TIMEOUT = httpx.Timeout(30, pool=None)
_WANTED = {
    "TermType": ("OnDemand",),
    "Operating System": ("Linux",),
    "Tenancy": ("Shared",),
    "CapacityStatus": ("Used",),
    "Unit": ("Hrs",),
    "Currency": ("USD",),
    "Pre Installed S/W": ("NA", ""),
    "MarketOption": ("OnDemand", ""),
}
"""Values of columns that make a row the price of an ordinary Linux machine by the hour."""
_MARKS = (b'"OnDemand"', b'"Linux"', b'"Shared"', b'"Used"')
"""What every such row holds: looking for it is quicker than reading every row."""
_MIB = 2**20


async def fetch_price_list(region: str, base_url: str, report: Report) -> dict[str, float]:
    """Return the price of each type of a region in US dollars per hour.

    Raises:
        CloudError: The list could not be fetched, or is not one.

    """
    url = base_url + _PATH.format(region=region)
    reader = PriceListReader()
    read = 0
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=True) as client,
            client.stream("GET", url) as answer,
        ):
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes(_MIB):
                reader.feed(chunk)
                read += len(chunk)
                report(f"aws/{region}: {read // _MIB} MiB of the price list")
    except httpx.HTTPStatusError as error:
        raise CloudError(f"{url} answered {error.response.status_code}", _remedy(region)) from None
    except httpx.HTTPError as error:
        raise CloudError(f"{url} could not be fetched: {error!r}", _remedy(region)) from None
    return reader.prices()


def _remedy(region: str) -> str:
    return f"check that there is a region {region}, and that this computer reaches it"


class PriceListReader:
    """Takes a price list piece by piece, and keeps nothing of it but the prices."""

    def __init__(self) -> None:
        self._rest = b""
        self._columns: Sequence[str] = ()
        self._prices: dict[str, float] = {}

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take(line)

    def prices(self) -> dict[str, float]:
        """Return the price of each type in US dollars per hour, once everything was fed.

        Raises:
            CloudError: It was no price list.

        """
        self._take(self._rest)
        if not self._prices:
            raise CloudError(
                "what was fetched is no price list of AWS: it has no price of a Linux machine"
            )
        return self._prices

    def _take(self, line: bytes) -> None:
        if not self._columns:
            if line.startswith((b'"SKU"', b"SKU,")):
                self._columns = _fields(line)
        elif all(mark in line for mark in _MARKS):
            self._take_row(dict(zip(self._columns, _fields(line), strict=False)))

    def _take_row(self, row: Mapping[str, str]) -> None:
        if any(row.get(column, "") not in values for column, values in _WANTED.items()):
            return
        with contextlib.suppress(ValueError, KeyError):
            price = float(row["PricePerUnit"])
            # What cannot be bought by the hour is listed with nothing.
            if price > 0:
                self._prices[row["Instance Type"]] = price


def _fields(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8", "replace").rstrip("\r")]), [])
