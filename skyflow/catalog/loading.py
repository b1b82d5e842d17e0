"""The catalogue of an installation: prices that ship, newer ones, and the user's own."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from skyflow.catalog.listing_file import read_listings
from skyflow.catalog.machines import Catalog, Listing
from skyflow.catalog.price_table import read_prices
from skyflow.catalog.query import offers
from skyflow.config import Settings
from skyflow.errors import StorageError
from skyflow.placement.offers import Offer, ResourceRequest
from skyflow.system_errors import reason

SHIPPED = Path(__file__).parent / "listings"
"""Directory of the listings that ship, a file for each cloud."""

_Stamp: TypeAlias = tuple[Path, int, int]
"""A file, the time of its last change in nanoseconds, and its size in bytes."""


def offers_of(
    cloud: str, request: ResourceRequest, settings: Settings, most: int | None = None
) -> list[Offer]:
    """Return the offers of a cloud that meet a request, cheapest first.

    Zones have the names that the catalogue gives them: at AWS zone ids such as `use1-az1`, which
    every account names otherwise, so a request for one of its zones is for an id.

    Args:
        cloud: Name of the cloud.
        request: What is wanted.
        settings: Settings of the installation.
        most: Number of offers at most; all if None.

    Raises:
        UsageError: The user's own prices are not valid.
        StorageError: A refreshed file is damaged, or a file cannot be read.

    """
    if request.cloud not in (None, cloud):
        return []
    here = request.model_copy(update={"cloud": cloud})
    return offers(load_catalog(settings), here, most)


def load_catalog(settings: Settings) -> Catalog:
    """Return the catalogue, which is read again only after one of its files has changed.

    Raises:
        UsageError: The user's own prices are not valid.
        StorageError: A refreshed file is damaged, or a file cannot be read.

    """
    try:
        return _load(*_published(settings), _stamps([settings.own_prices]))
    except OSError as error:
        what = f"{error.filename} cannot be read: {reason(error)}"
        raise StorageError(what, "make it readable, or remove it") from None


def published_listings(settings: Settings) -> list[Listing]:
    """Return the listings of an installation without the user's own.

    Raises:
        StorageError: A refreshed file is damaged.

    """
    shipped, refreshed = _published(settings)
    return newest(_read(shipped), _read(refreshed))


def _published(settings: Settings) -> tuple[tuple[_Stamp, ...], tuple[_Stamp, ...]]:
    shipped = _stamps(SHIPPED.glob("*.csv"))
    return shipped, _stamps(settings.refreshed_prices.glob("*.csv"))


def _stamps(paths: Iterable[Path]) -> tuple[_Stamp, ...]:
    found = []
    for path in sorted(paths):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        found.append((path, status.st_mtime_ns, status.st_size))
    return tuple(found)


@functools.lru_cache(maxsize=2)
def _load(shipped: Sequence[_Stamp], refreshed: Sequence[_Stamp], own: Sequence[_Stamp]) -> Catalog:
    listings = newest(_read(shipped), _read(refreshed))
    for path, changed, _ in own:
        date = datetime.fromtimestamp(changed / 1e9, UTC).date().isoformat()
        listings = list(overlaid(listings, read_prices(path, date)))
    catalog = Catalog.of(listings)
    # It lives about as long as the process; collections of garbage would walk it all, for 60 ms
    # with 100,000 offers, in the middle of a query.
    gc.freeze()
    return catalog


def _read(stamps: Sequence[_Stamp]) -> list[Listing]:
    return [listing for path, _, _ in stamps for listing in read_listings(path, path.stem)]


def newest(shipped: Sequence[Listing], refreshed: Sequence[Listing]) -> list[Listing]:
    """Return, for each region, the listings of whichever of two sources is newer."""
    before, after = _dates(shipped), _dates(refreshed)
    return [
        *(each for each in shipped if before[_region(each)] > after.get(_region(each), "")),
        *(each for each in refreshed if after[_region(each)] >= before.get(_region(each), "")),
    ]


def overlaid(listings: Iterable[Listing], own: Sequence[Listing]) -> Iterator[Listing]:
    """Yield listings with other ones in place of those for the same type of machine and zone."""
    replaced = {
        (*listing.type[:2], listing.region, zone.name) for listing in own for zone in listing.zones
    }
    for listing in listings:
        key = (*listing.type[:2], listing.region)
        zones = tuple(zone for zone in listing.zones if (*key, zone.name) not in replaced)
        if zones:
            yield listing._replace(zones=zones)
    yield from own


def _dates(listings: Iterable[Listing]) -> dict[tuple[str, str], str]:
    """Return the latest date of each region."""
    dates: dict[tuple[str, str], str] = {}
    for listing in listings:
        region = _region(listing)
        dates[region] = max(dates.get(region, ""), listing.date)
    return dates


def _region(listing: Listing) -> tuple[str, str]:
    return (listing.type.cloud, listing.region)
