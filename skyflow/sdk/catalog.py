"""The catalogue of prices: what is in it, and fetching it anew."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from skyflow.catalog import Listing, load_catalog
from skyflow.catalog.refreshing.aws import AwsPrices
from skyflow.catalog.refreshing.gcp import GcpPrices
from skyflow.catalog.refreshing.refresh import RegionRefresh, refresh
from skyflow.catalog.refreshing.source import PriceSource
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.config import Settings
from skyflow.errors import CredentialsError, UsageError

GCP_KEY = "SKYFLOW_GCP_API_KEY"
"""Variable with the API key that the billing catalogue of Google Cloud is asked with."""

REFRESHABLE = ("aws", "gcp")
"""Clouds whose prices can be fetched."""


@dataclass(frozen=True)
class CloudSummary:
    """What the catalogue has of a cloud."""

    cloud: str
    types: int
    regions: int
    offers: int
    """Types of machines by zone."""
    first_date: str
    last_date: str
    """The earliest and the latest day on which the prices held."""


def summarise_catalog(settings: Settings) -> list[CloudSummary]:
    """Return what the catalogue has of each cloud.

    Raises:
        UsageError: The user's own prices are not valid.
        StorageError: A refreshed file is damaged.

    """
    by_cloud: dict[str, list[Listing]] = defaultdict(list)
    for listing in load_catalog(settings).listings():
        by_cloud[listing.type.cloud].append(listing)
    return [_summary(cloud, by_cloud[cloud]) for cloud in sorted(by_cloud)]


def refresh_catalog(
    settings: Settings,
    clouds: Sequence[str],
    regions: Sequence[str],
    report: Callable[[str], None],
) -> AsyncIterator[RegionRefresh]:
    """Fetch prices anew and yield what came of each region.

    Args:
        settings: Settings of the installation.
        clouds: Names of clouds; those whose prices can be fetched from here if there are none.
        regions: Names of regions; those that the catalogue has if there are none.
        report: What to tell how far it is.

    Raises:
        UsageError: The prices of a cloud cannot be fetched, or regions are named for two clouds.
        CredentialsError: A named cloud needs a key.
        OSError: The prices could not be written; the file is as it was.

    """
    for cloud in clouds:
        if cloud not in REFRESHABLE:
            raise UsageError(
                f"the prices of {cloud!r} cannot be fetched; those of {', '.join(REFRESHABLE)} can",
                f"put its prices into {settings.own_prices}",
            )
    if "gcp" in clouds and not os.environ.get(GCP_KEY):
        raise CredentialsError(f"the prices of gcp need an API key: {GCP_KEY} is not set")
    sources = _sources(clouds)
    if regions and len(sources) > 1:
        raise UsageError("regions are named for more than one cloud", "add --cloud")
    return refresh(settings, sources, regions, report)


def _sources(clouds: Sequence[str]) -> list[PriceSource]:
    key = os.environ.get(GCP_KEY)
    sources: list[PriceSource] = []
    if not clouds or "aws" in clouds:
        base_url = os.environ.get("SKYFLOW_AWS_PRICES_URL")
        aws = AwsSettings.from_environment()
        sources.append(AwsPrices(aws, base_url) if base_url else AwsPrices(aws))
    if key and (not clouds or "gcp" in clouds):
        base_url = os.environ.get("SKYFLOW_GCP_PRICES_URL")
        sources.append(GcpPrices(key, base_url) if base_url else GcpPrices(key))
    return sources


def _summary(cloud: str, listings: Sequence[Listing]) -> CloudSummary:
    dates = sorted(listing.date for listing in listings)
    return CloudSummary(
        cloud=cloud,
        types=len({listing.type.name for listing in listings}),
        regions=len({listing.region for listing in listings}),
        offers=sum(len(listing.zones) for listing in listings),
        first_date=dates[0],
        last_date=dates[-1],
    )
