"""What is shared by all who use one account from this process."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

from skyflow.clouds.aws.check import check_account
from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.firewall import Firewall
from skyflow.clouds.aws.launch import Launcher
from skyflow.clouds.aws.network import Networks
from skyflow.clouds.aws.public_address import PublicAddress
from skyflow.clouds.aws.role import InstanceRole
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.clouds.aws.zones import Zones
from skyflow.clouds.base import CloudCheck

_ENABLED_KEPT_SECONDS = 600.0
_REFUSED_KEPT_SECONDS = 10.0
"""Whoever has mended something does not want to wait."""


class Account:
    """Clients and what they have learned."""

    def __init__(self, settings: AwsSettings, directory: Path) -> None:
        self.settings = settings
        self.api = AwsApi(settings)
        self.zones = Zones(self.api, directory)
        self.firewall = Firewall(self.api, settings, PublicAddress())
        networks = Networks(self.api, settings)
        self.role = InstanceRole(self.api, directory)
        self.launcher = Launcher(self.api, settings, networks, self.firewall, self.role)
        self._check: tuple[float, CloudCheck] | None = None
        self._number: str | None = None

    async def check(self, installation: str) -> CloudCheck:
        """Say whether the account can be used; what was found is kept for a while."""
        if self._check is None or time.monotonic() >= self._check[0]:
            found = await check_account(self.api, self.zones, installation)
            kept = _ENABLED_KEPT_SECONDS if found.enabled else _REFUSED_KEPT_SECONDS
            self._check = (time.monotonic() + kept, found)
        return self._check[1]

    async def number(self) -> str:
        """Return the account's id, twelve digits.

        Raises:
            CloudError: AWS could not be asked.

        """
        if self._number is None:
            home = await self.api.home_region()
            identity = await self.api.call("sts", "get_caller_identity", home)
            self._number = identity["Account"]
        return self._number


@lru_cache(maxsize=8)
def shared_account(settings: AwsSettings, directory: Path) -> Account:
    """Return the account of some settings, the same one for the same settings."""
    return Account(settings, directory)
