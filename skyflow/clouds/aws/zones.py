"""Regions that the account has enabled, and its names for zones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from skyflow.clouds.aws.client import AwsApi
from skyflow.durable_files import replace_file

_REGIONS_KEPT_SECONDS = 600.0
_NAMES_KEPT_SECONDS = 7 * 86400.0
"""Which zone has which name never changes for an account; now and then a zone is added."""


class Zones:
    """Regions and zones of an account.

    A zone has one id everywhere (`use1-az1`) and a name that each account gives to another zone
    (`us-east-1a`). Prices go by ids; people, the console and RunInstances by names.
    """

    def __init__(self, api: AwsApi, directory: Path) -> None:
        """Keep the names of zones in a directory."""
        self._api = api
        self._directory = directory
        self._regions: tuple[float, tuple[str, ...]] = (0.0, ())

    async def regions(self) -> tuple[str, ...]:
        """Return the regions that the account has enabled, sorted.

        Raises:
            CloudError: AWS could not be asked.

        """
        until, regions = self._regions
        if time.monotonic() >= until:
            home = await self._api.home_region()
            answer = await self._api.call("ec2", "describe_regions", home)
            # Without `AllRegions` those that are not enabled are left out.
            regions = tuple(sorted(region["RegionName"] for region in answer["Regions"]))
            self._regions = (time.monotonic() + _REGIONS_KEPT_SECONDS, regions)
        return regions

    async def names(self, account: str, regions: Iterable[str]) -> dict[str, str]:
        """Return an account's name of each zone of some regions, by the zone's id.

        Raises:
            CloudError: A region could not be asked.

        """
        path = self._directory / f"zones-{account}.json"
        kept = await asyncio.to_thread(_read, path)
        missing = sorted(region for region in set(regions) if region not in kept)
        if missing:
            found = await asyncio.gather(*map(self._ask, missing))
            now = time.time()
            added = {
                region: {"at": now, "names": names}
                for region, names in zip(missing, found, strict=True)
            }
            kept = await asyncio.to_thread(_add, path, added)
        chosen = (kept[region]["names"] for region in set(regions))
        return {zone: name for names in chosen for zone, name in names.items()}

    async def _ask(self, region: str) -> dict[str, str]:
        answer = await self._api.call("ec2", "describe_availability_zones", region)
        return {zone["ZoneId"]: zone["ZoneName"] for zone in answer["AvailabilityZones"]}


def _read(path: Path) -> dict[str, Any]:
    """Return what a file says of regions, but for what is too old; a damaged file says nothing."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        since = time.time() - _NAMES_KEPT_SECONDS
        found: Mapping[str, Any] = json.loads(path.read_text())
        return {region: entry for region, entry in found.items() if entry["at"] > since}
    return {}


def _add(path: Path, added: Mapping[str, Any]) -> dict[str, Any]:
    kept = {**_read(path), **added}
    # A disk that cannot be written to costs the questions of the next process, no more.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(kept, sort_keys=True).encode())
    return kept
