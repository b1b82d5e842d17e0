"""Runs coroutines that use one store step by step, in a random order, and ends some half-way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Sequence
from typing import Any

from skyflow.storage.store import Store


class SteppedStore(Store):
    """A real store in which nothing is done until it is let happen."""

    waiting: dict[asyncio.Task[Any], asyncio.Future[None]]

    async def put(self, key: str, data: bytes, overwrite: bool = True) -> bool:
        await self._turn()
        return await super().put(key, data, overwrite)

    async def find(self, key: str) -> bytes | None:
        await self._turn()
        return await super().find(key)

    async def names(self, prefix: str) -> tuple[str, ...]:
        await self._turn()
        return await super().names(prefix)

    async def delete(self, keys: Sequence[str]) -> None:
        # One after the other: whoever deletes several may end between two.
        for key in keys:
            await self._turn()
            await super().delete([key])

    async def _turn(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        turn = self.waiting[task] = asyncio.get_running_loop().create_future()
        await turn


async def interleave(
    store: SteppedStore,
    work: list[Coroutine[Any, Any, None]],
    dice: random.Random,
    crashes: float,
) -> None:
    """Let one task after the other, as the dice fall, make a step or crash, until all have ended.

    Args:
        store: What the work uses.
        work: What is done at the same time.
        dice: Decides.
        crashes: Probability of a crash instead of a step.

    """
    store.waiting = {}
    tasks = [asyncio.create_task(each) for each in work]
    while able := await _able(store, tasks):
        task = dice.choice(able)
        release = store.waiting.pop(task)
        if dice.random() < crashes:
            task.cancel()
            await asyncio.wait([task])
        else:
            release.set_result(None)
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def _able(store: SteppedStore, tasks: list[asyncio.Task[None]]) -> list[asyncio.Task[None]]:
    """Return the tasks that wait for their turn, once every one that has not ended does."""
    while True:
        running = [task for task in tasks if not task.done()]
        if all(task in store.waiting for task in running):
            return running
        await asyncio.sleep(0)
