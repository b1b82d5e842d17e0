"""What fetches the prices of a cloud must answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from skyflow.catalog.machines import Listing

Report: TypeAlias = Callable[[str], None]
"""Takes a sentence on how far it is; it is called often."""


class Fetched(NamedTuple):
    """What was fetched for a region."""

    listings: Sequence[Listing]
    lacking: str | None = None
    """What could not be fetched, so that older figures stand in, and the remedy."""


class PriceSource(Protocol):
    """Where the prices of one cloud come from."""

    cloud: str

    async def fetch(self, region: str, known: Sequence[Listing], report: Report) -> Fetched:
        """Return the listings of a region.

        Args:
            region: Name of the region.
            known: What the catalogue has for it so far.
            report: What to tell how far it is.

        Raises:
            CloudError: They could not be fetched, or mean nothing.

        """
        ...
