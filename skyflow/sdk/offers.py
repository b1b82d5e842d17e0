"""What clouds sell, found without an account at any of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from skyflow.catalog import Listing, load_catalog, search, unknown_name, why_none
from skyflow.clouds.registry import CLOUDS
from skyflow.config import Settings
from skyflow.errors import UsageError
from skyflow.spec import ResourceOverrides
from skyflow.spec.request_options import requests_of


@dataclass(frozen=True)
class OfferSearch:
    """What of the catalogue meets any of some requests."""

    found: tuple[tuple[float, Listing], ...]
    """Listings, each after its least price in US dollars per hour, cheapest first."""
    use_spot: bool
    """Whether the prices are those of spot machines."""
    reasons: tuple[str, ...] = ()
    """Why nothing was found, as far as one key alone is in the way."""

    @property
    def dates(self) -> tuple[str, str] | None:
        """The earliest and the latest day on which the prices held; None if there are none."""
        dates = sorted({listing.date for _, listing in self.found})
        return (dates[0], dates[-1]) if dates else None

    @property
    def priced_only(self) -> list[str]:
        """The clouds among what was found at which this version cannot start machines."""
        clouds = {listing.type.cloud for _, listing in self.found}
        return sorted(clouds - CLOUDS.keys())


def search_offers(settings: Settings, given: ResourceOverrides) -> OfferSearch:
    """Return what the catalogue has for values that have the forms of a service YAML.

    Raises:
        UsageError: A value has no allowed form, or names what is not in the catalogue.
        StorageError: A refreshed file of the catalogue is damaged.

    """
    requests = requests_of(given)
    catalog = load_catalog(settings)
    for request in requests:
        if unknown := unknown_name(catalog, request):
            raise UsageError(unknown)
    found = _merged(each for request in requests for each in search(catalog, request))
    reasons = () if found else tuple(why_none(catalog, requests))
    return OfferSearch(found=found, use_spot=bool(given.use_spot), reasons=reasons)


def _merged(found: Iterable[tuple[float, Listing]]) -> tuple[tuple[float, Listing], ...]:
    unique = {listing: price for price, listing in found}
    in_order = sorted(unique.items(), key=lambda each: each[1])
    return tuple((price, listing) for listing, price in in_order)
