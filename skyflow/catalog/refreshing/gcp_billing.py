"""The billing catalogue of Google Cloud: what a CPU, a GiB and an accelerator cost in a region.

Format: "Method: services.skus.list" of the Cloud Billing API reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import httpx

from skyflow.accelerators import canonical_accelerator
from skyflow.catalog.refreshing.source import Report
from skyflow.errors import CloudError, CredentialsError

URL = "https://cloudbilling.googleapis.com"
"""Where the billing catalogue is."""

CORE, RAM, DISK = "core", "ram", "disk"

_PATH = "/v1/services/6F81-5844-456A/skus"
"""Prices of Compute Engine."""
_PAGE = 5000
_TIMEOUT = httpx.Timeout(60)
_HOURS_PER_MONTH = 730
"""Hours that Google bills a month with ("Disk and image pricing")."""
_OTHER = re.compile(
    r"Sole Tenancy|Reserved|Premium|Custom|Suspended|Commitment|DWS|Calendar Mode|Flex", re.I
)
"""Prices of machines that are not bought by the hour, and of parts that are added to others."""
_PART = re.compile(r"(?:Spot Preemptible )?(\w+)(?: Predefined)? Instance (Core|Ram) running", re.I)
_ACCELERATOR = re.compile(r"(?:Spot Preemptible )?(Nvidia .+?) GPU (?:running|attached)", re.I)
_DISK = re.compile(r"SSD backed Local Storage", re.I)


class PartKey(NamedTuple):
    """A part of machines that has a price of its own."""

    region: str
    use_spot: bool
    family: str
    """Family of machines in small letters, such as `n2`; name of an accelerator; else empty."""
    part: str
    """`core`, `ram` and `disk` (per GiB), or `accelerator`."""


async def fetch_parts(key: str, base_url: str, report: Report) -> dict[PartKey, float]:
    """Return the price of every part in US dollars per hour.

    Args:
        key: API key of a project in which the Cloud Billing API is enabled.
        base_url: Where the catalogue is.
        report: What to tell how far it is.

    Raises:
        CredentialsError: The key may not be used for it.
        CloudError: The catalogue could not be fetched.

    """
    parts: dict[PartKey, float] = {}
    token: str | None = ""
    count = 0
    async with httpx.AsyncClient(timeout=_TIMEOUT, headers={"X-Goog-Api-Key": key}) as client:
        while token is not None:
            page = await _page(client, base_url + _PATH, token)
            parts |= part_prices(page.get("skus", ()))
            count += len(page.get("skus", ()))
            report(f"gcp: {count} prices of the billing catalogue")
            token = page.get("nextPageToken") or None
    if not parts:
        raise CloudError("the billing catalogue of Google has no price of a machine")
    return parts


async def _page(client: httpx.AsyncClient, url: str, token: str) -> Mapping[str, Any]:
    parameters = {"pageSize": str(_PAGE), "currencyCode": "USD", "pageToken": token}
    try:
        answer = await client.get(url, params=parameters)
        if answer.status_code in (400, 401, 403):
            raise CredentialsError(
                f"{url} answered {answer.status_code}",
                "check SKYFLOW_GCP_API_KEY, and that the Cloud Billing API is enabled for it",
            )
        answer.raise_for_status()
        page: Mapping[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise CloudError(f"{url} could not be fetched: {error!r}") from None
    return page


def part_prices(skus: Iterable[Mapping[str, Any]]) -> dict[PartKey, float]:
    """Return the prices of parts among the entries of the catalogue."""
    prices: dict[PartKey, float] = {}
    for sku in skus:
        usage = sku["category"]["usageType"]
        named = _named_part(sku["description"])
        if usage not in ("OnDemand", "Preemptible") or named is None:
            continue
        price = _price(sku)
        family, part = named
        hourly = price / _HOURS_PER_MONTH if part == DISK else price
        for region in sku.get("serviceRegions", ()):
            prices[PartKey(region, usage == "Preemptible", family, part)] = hourly
    return prices


def _named_part(description: str) -> tuple[str, str] | None:
    """Return the family and the part that a description speaks of."""
    if _OTHER.search(description):
        return None
    if match := _PART.match(description):
        return match[1].lower(), match[2].lower()
    if match := _ACCELERATOR.match(description):
        name = canonical_accelerator(match[1])
        return (name, "accelerator") if name else None
    return ("", DISK) if _DISK.match(description) else None


def _price(sku: Mapping[str, Any]) -> float:
    expression = sku["pricingInfo"][0]["pricingExpression"]
    price = expression["tieredRates"][0]["unitPrice"]
    return int(price.get("units") or 0) + int(price.get("nanos") or 0) / 1e9
