"""Bring the catalogue up to date, region by region."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from skyflow.catalog.listing_file import read_listings, write_listings
from skyflow.catalog.loading import published_listings
from skyflow.catalog.machines import Listing
from skyflow.catalog.refreshing.source import PriceSource, Report
from skyflow.config import Settings
from skyflow.durable_files import replace_file
from skyflow.errors import CloudError, StorageError


@dataclass(frozen=True)
class RegionRefresh:
    """What came of one region."""

    cloud: str
    region: str
    listings: int
    """Types of machines with new prices."""
    problem: str | None = None
    """Why the prices are the old ones, or some of them are; None if all are new."""
    remedy: str | None = None

    @property
    def failed(self) -> bool:
        """Whether nothing is new."""
        return self.listings == 0


async def refresh(
    settings: Settings, sources: Sequence[PriceSource], regions: Sequence[str], report: Report
) -> AsyncIterator[RegionRefresh]:
    """Fetch prices anew and yield what came of each region, as it is written to the disk.

    A region that fails keeps the prices that it had.

    Args:
        settings: Settings of the installation.
        sources: Where prices come from.
        regions: Names of regions; those that the catalogue has if there are none.
        report: What to tell how far it is.

    Raises:
        OSError: The prices could not be written; the file is as it was.

    """
    known = await asyncio.to_thread(published_listings, settings)
    for source in sources:
        of_cloud = [listing for listing in known if listing.type.cloud == source.cloud]
        for region in regions or sorted({listing.region for listing in of_cloud}):
            here = [listing for listing in of_cloud if listing.region == region]
            yield await _refresh_region(settings, source, region, here, report)


async def _refresh_region(
    settings: Settings, source: PriceSource, region: str, known: Sequence[Listing], report: Report
) -> RegionRefresh:
    try:
        fetched = await source.fetch(region, known, report)
    except CloudError as error:
        return RegionRefresh(source.cloud, region, 0, error.message, error.remedy)
    if not fetched.listings:
        problem = fetched.lacking or "nothing that the catalogue knows is sold there"
        return RegionRefresh(source.cloud, region, 0, problem)
    path = settings.refreshed_prices / f"{source.cloud}.csv"
    await asyncio.to_thread(_write, path, source.cloud, region, fetched.listings)
    return RegionRefresh(source.cloud, region, len(fetched.listings), fetched.lacking)


def _write(path: Path, cloud: str, region: str, listings: Iterable[Listing]) -> None:
    """Put the listings of a region in the place of its old ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [listing for listing in _read(path, cloud) if listing.region != region]
    replace_file(path, write_listings([*kept, *listings]))


def _read(path: Path, cloud: str) -> list[Listing]:
    """Return what is in the file; nothing if it is damaged, for it is written anew."""
    try:
        return read_listings(path, cloud)
    except (FileNotFoundError, StorageError):
        return []
