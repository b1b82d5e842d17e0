"""What machines cost: price facts that ship, are refreshed, or are the user's own; and offers."""

from skyflow.catalog.explaining import unknown_name, why_none
from skyflow.catalog.loading import load_catalog, offers_of
from skyflow.catalog.machines import Catalog, Listing, MachineType, Zone
from skyflow.catalog.query import offers, search

__all__ = [
    "Catalog",
    "Listing",
    "MachineType",
    "Zone",
    "load_catalog",
    "offers",
    "offers_of",
    "search",
    "unknown_name",
    "why_none",
]
