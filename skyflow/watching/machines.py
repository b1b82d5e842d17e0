"""What clouds say of machines, asked for many at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from skyflow.clouds.base import Machine, MachineState
from skyflow.clouds.registry import get_cloud
from skyflow.config import Settings


class MachineStates:
    """Asks each cloud and region once for all the machines that are asked about at a time.

    A region that goes away makes every watch ask at once; clouds limit requests, not machines.
    """

    def __init__(self, settings: Settings, collect_seconds: float = 0.2) -> None:
        """Ask with the settings of an installation.

        Args:
            settings: Settings of the installation.
            collect_seconds: How long questions are collected before they are asked.

        """
        self._settings = settings
        self._collect_seconds = collect_seconds
        self._waiting: dict[tuple[str, str], dict[str, list[asyncio.Future[MachineState]]]] = (
            defaultdict(dict)
        )
        self._asking: set[asyncio.Task[None]] = set()

    async def state(self, machine: Machine) -> MachineState:
        """Return the state of a machine.

        Raises:
            CloudError: The cloud could not be asked.

        """
        region = (machine.place.cloud, machine.place.region)
        if region not in self._waiting:
            task = asyncio.create_task(self._ask(region))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        answer: asyncio.Future[MachineState] = asyncio.get_running_loop().create_future()
        self._waiting[region].setdefault(machine.name, []).append(answer)
        return await answer

    async def _ask(self, region: tuple[str, str]) -> None:
        await asyncio.sleep(self._collect_seconds)
        waiting = self._waiting.pop(region)
        try:
            cloud = get_cloud(region[0], self._settings)
            states = await cloud.describe(sorted(waiting), region[1])
        except Exception as error:
            for answer in _open_answers(waiting):
                answer.set_exception(error)
            return
        for name, answers in waiting.items():
            for answer in answers:
                if not answer.done():
                    answer.set_result(states.get(name, MachineState.GONE))


def _open_answers(
    waiting: dict[str, list[asyncio.Future[MachineState]]],
) -> list[asyncio.Future[MachineState]]:
    return [answer for answers in waiting.values() for answer in answers if not answer.done()]
