"""Interruption notices of clouds, asked for many machines at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping

from skyflow.clouds.base import Machine
from skyflow.clouds.registry import get_cloud
from skyflow.config import Settings
from skyflow.errors import SkyflowError

LOOK_SECONDS = 5.0
"""Time between two questions; AWS recommends to look for notices every 5 seconds (Amazon EC2 User
Guide, Spot Instance interruption notices)."""

log = logging.getLogger(__name__)


class NoticeBoard:
    """Asks each cloud and region once for all the machines that are looked after."""

    def __init__(self, settings: Settings, look_seconds: float = LOOK_SECONDS) -> None:
        """Ask with the settings of an installation.

        Args:
            settings: Settings of the installation.
            look_seconds: Time between two questions.

        """
        self._settings = settings
        self._look_seconds = look_seconds
        self._waiting: dict[tuple[str, str], dict[str, list[asyncio.Future[str]]]] = defaultdict(
            dict
        )
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}

    def script(self, machine: Machine) -> str | None:
        """Return what tells, on a machine, what its cloud announces there only."""
        return get_cloud(machine.place.cloud, self._settings).notice_script

    async def notice(self, machine: Machine) -> str:
        """Wait until its cloud says that a machine will be interrupted, and return what it says."""
        region = (machine.place.cloud, machine.place.region)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[region].setdefault(machine.name, []).append(answer)
        if region not in self._asking:
            self._asking[region] = asyncio.create_task(self._ask_for_ever(region))
        return await answer

    async def _ask_for_ever(self, region: tuple[str, str]) -> None:
        """Ask as long as somebody waits."""
        try:
            while names := self._names(region):
                self._tell(region, await self._ask(region, names))
                await asyncio.sleep(self._look_seconds)
        finally:
            del self._asking[region]

    def _names(self, region: tuple[str, str]) -> list[str]:
        """Return the machines that somebody still waits for."""
        waiting = self._waiting[region]
        for name in list(waiting):
            waiting[name] = [answer for answer in waiting[name] if not answer.done()]
            if not waiting[name]:
                del waiting[name]
        return sorted(waiting)

    async def _ask(self, region: tuple[str, str], names: list[str]) -> Mapping[str, str]:
        try:
            return await get_cloud(region[0], self._settings).notices(names, region[1])
        except (SkyflowError, OSError) as error:
            # The machines serve all the same, and the next answer has what this one missed.
            log.warning("notices of %s cannot be read: %s", "/".join(region), error)
            return {}

    def _tell(self, region: tuple[str, str], notices: Mapping[str, str]) -> None:
        for name, notice in notices.items():
            for answer in self._waiting[region].get(name, ()):
                if not answer.done():
                    answer.set_result(notice)
