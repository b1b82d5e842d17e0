"""The address that this computer has for the internet."""

from __future__ import annotations

import asyncio
import ipaddress
import time

import aiohttp

from skyflow.errors import CloudError

_URL = "https://checkip.amazonaws.com"
_SECONDS = 5.0
_KEPT_SECONDS = 60.0
_REMEDY = "set SKYFLOW_AWS_SSH_FROM to the networks that this computer comes from"


class PublicAddress:
    """The public IPv4 address of this computer, as AWS sees it."""

    def __init__(self, url: str = _URL, kept_seconds: float = _KEPT_SECONDS) -> None:
        """Ask a server that answers with the address it is asked from, at most once in a while."""
        self._url = url
        self._kept_seconds = kept_seconds
        self._kept: tuple[float, str] = (0.0, "")

    async def network(self) -> str:
        """Return the network that holds this address alone, such as `203.0.113.7/32`.

        Raises:
            CloudError: It could not be found out.

        """
        until, kept = self._kept
        if time.monotonic() < until:
            return kept
        found = f"{await self._ask()}/32"
        self._kept = (time.monotonic() + self._kept_seconds, found)
        return found

    async def _ask(self) -> str:
        try:
            async with (
                asyncio.timeout(_SECONDS),
                aiohttp.ClientSession() as session,
                session.get(self._url, raise_for_status=True) as answer,
            ):
                text = (await answer.text()).strip()
            return str(ipaddress.IPv4Address(text))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise CloudError(
                f"{self._url} does not say which address this computer has: "
                f"{str(error) or type(error).__name__}",
                _REMEDY,
            ) from None
