"""The catalogue of prices, and what came of fetching it anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.tables import add_row, table
from cli.render.text import quantity
from skyflow.catalog.refreshing.refresh import RegionRefresh
from skyflow.config import Settings
from skyflow.sdk.catalog import CloudSummary


def catalog(summaries: Sequence[CloudSummary], settings: Settings) -> RenderableType:
    """Return how much there is of each cloud, and where one's own prices are put."""
    made = table("CLOUD", "TYPES", "REGIONS", "OFFERS", "OLDEST PRICE", "NEWEST PRICE")
    for each in summaries:
        counts = (each.types, each.regions, each.offers)
        add_row(made, (each.cloud, *counts, each.first_date, each.last_date))
    there = "Your own prices" if settings.own_prices.exists() else "Put prices of your own into"
    return Group(made, Text(), Text(f"{there}: {settings.own_prices}"))


def document(summaries: Sequence[CloudSummary], settings: Settings) -> dict[str, Any]:
    """Return the same as a document with stable keys."""
    own = str(settings.own_prices) if settings.own_prices.exists() else None
    return {"clouds": [asdict(each) for each in summaries], "own_prices": own}


def region_line(of: RegionRefresh) -> str:
    """Return what came of a region in one line."""
    where = f"{of.cloud}/{of.region}"
    if of.failed:
        remedy = f" ({of.remedy})" if of.remedy else ""
        return f"{where}: kept the prices it had: {of.problem}{remedy}"
    return f"{where}: new prices of {quantity(of.listings, 'machine type')}"


def refreshed(results: Sequence[RegionRefresh]) -> RenderableType:
    """Return what came of all regions together."""
    new = [result for result in results if not result.failed]
    lines = [f"{quantity(len(new), 'region')} of {len(results)} with new prices."]
    lines += dict.fromkeys(f"{each.cloud}: {each.problem}" for each in new if each.problem)
    return Text("\n".join(lines))


def refresh_document(results: Sequence[RegionRefresh]) -> dict[str, Any]:
    """Return the same as a document with stable keys."""
    return {"regions": [{**asdict(each), "failed": each.failed} for each in results]}
