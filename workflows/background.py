"""Work that a workflow has under way beside its main loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


class Background:
    """Tasks by key, at most one for each, so that a level-triggered loop may ask again and again.

    A workflow's cancellation reaches only its main task; what runs here ends in its own time.
    """

    def __init__(self, on_done: Callable[[], None]) -> None:
        """Start empty; `on_done` is called whenever a task ends."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._on_done = on_done

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._tasks

    def start(self, key: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Start work under a key, unless work of that key is under way."""
        if key in self._tasks:
            return
        self._tasks[key] = asyncio.create_task(self._run(work))

    def collect(self) -> None:
        """Forget the tasks that ended.

        Raises:
            Exception: What a task raised; a mistake in the program, which holds up the workflow
                until it is mended instead of losing what was to be done.

        """
        ended = [key for key, task in self._tasks.items() if task.done()]
        for key in ended:
            self._tasks.pop(key).result()

    async def _run(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        try:
            await work()
        finally:
            self._on_done()
