"""Regions that the account has enabled, and its names for zones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.errors import is_forbidden
from skyflow.durable_files import replace_file

Answer = TypeVar("Answer")

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

        Regions that are forbidden to the account have none.

        Raises:
            CloudError: A region could not be asked.

        """
        path, regions = self._directory / f"zones-{account}.json", set(regions)
        kept = await asyncio.to_thread(_read, path)
        missing = sorted(region for region in regions if region not in kept)
        if missing:
            found = await ask_regions(missing, self._ask, others_answer=len(missing) < len(regions))
            now = time.time()
            added = {region: {"at": now, "names": names} for region, names in found.items()}
            kept = await asyncio.to_thread(_add, path, added)
        chosen = (kept[region]["names"] for region in regions if region in kept)
        return {zone: name for names in chosen for zone, name in names.items()}

    async def _ask(self, region: str) -> dict[str, str]:
        answer = await self._api.call("ec2", "describe_availability_zones", region)
        return {zone["ZoneId"]: zone["ZoneName"] for zone in answer["AvailabilityZones"]}


async def ask_regions(
    regions: Sequence[str],
    ask: Callable[[str], Awaitable[Answer]],
    others_answer: bool = False,
) -> dict[str, Answer]:
    """Ask several regions at once, and return what each says.

    One that is forbidden to the account while others answer is left out: organisations forbid
    regions, and where nothing may be done nothing of ours can run.

    Args:
        regions: Their names.
        ask: Asks one.
        others_answer: Whether further ones are known to answer.

    Raises:
        CloudError: One could not be asked, or all are forbidden.

    """
    outcomes = await asyncio.gather(*map(ask, regions), return_exceptions=True)
    answers: dict[str, Answer] = {}
    errors: list[BaseException] = []
    for region, outcome in zip(regions, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            errors.append(outcome)
        else:
            answers[region] = outcome
    for error in errors:
        if not is_forbidden(error) or not (answers or others_answer):
            raise error
    return answers


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
