"""Whether each cloud can be used from here."""

from __future__ import annotations

import asyncio

from skyflow.clouds.base import CloudCheck
from skyflow.clouds.registry import CLOUDS, enabled_clouds, get_cloud
from skyflow.config import Settings
from skyflow.errors import SkyflowError
from skyflow.records import Record


class CloudUse(Record):
    """A cloud, whether it can be used, and when it is."""

    check: CloudCheck
    by_default: bool
    """Whether a service that names no cloud may run there."""


async def check_clouds(settings: Settings) -> list[CloudUse]:
    """Ask every cloud whether it can be used, all at once."""
    defaults = await enabled_clouds(settings)
    # The fake cloud is for tests; only whoever has given it a script hears of it.
    names = [name for name in CLOUDS if name != "fake" or name in defaults]
    checks = await asyncio.gather(*(_check(name, settings) for name in names))
    return [CloudUse(check=check, by_default=check.cloud in defaults) for check in checks]


async def _check(name: str, settings: Settings) -> CloudCheck:
    try:
        return await get_cloud(name, settings).check()
    except SkyflowError as error:
        detail = f"{error.message}; {error.remedy}" if error.remedy else error.message
        return CloudCheck(cloud=name, enabled=False, detail=detail)
