"""Keeps data plane and registration as Temporal says, whatever was missed meanwhile."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from lb.control.catch_up import catch_up
from lb.control.data_plane import DataPlane, DataPlaneUnavailable
from lb.control.registration import ensure_registered
from lb.reports import Run

INTERVAL_SECONDS = 30.0
"""Longest time between two rounds; queries only, which add nothing to a history."""
_LOOK_SECONDS = 1.0
_LOOK_TIMEOUT = timedelta(seconds=5)
_FIRST_RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Upkeep:
    """Level-triggered: what is in force is compared with what should be, not with what was heard.

    A round is due after an interval, at once when Temporal answers again, and at once when the
    data plane has started anew or wants to know whether what it serves still holds.
    """

    def __init__(
        self, client: Client, balancer: str, data_plane: DataPlane, admin: str = ""
    ) -> None:
        self._client = client
        self._balancer = balancer
        self._admin = admin
        self._data_plane = data_plane
        self._seen: Run | None = None
        self._problem = ""
        self._retry = _FIRST_RETRY_SECONDS
        self._due = asyncio.Event()
        self._waiting = False

    async def run(self) -> None:
        """Go on until cancelled."""
        watch = asyncio.create_task(self._watch())
        try:
            while True:
                # Cleared before: what happens during a round makes another one due.
                self._due.clear()
                await self._wait(await self._round())
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def _round(self) -> bool:
        before = await self._look_at_data_plane()
        results = await asyncio.gather(
            ensure_registered(self._client, self._balancer, self._admin),
            catch_up(self._client, self._data_plane),
            return_exceptions=True,
        )
        problems = [result for result in results if isinstance(result, BaseException)]
        self._report(problems)
        # What it still wants has been asked for in vain: it waits for the next interval.
        after = await self._look_at_data_plane()
        self._seen = after if before and after and before.id == after.id else before
        return not problems

    async def _wait(self, done: bool) -> None:
        """Wait until another round is due: after ever longer times while rounds fail."""
        wait = INTERVAL_SECONDS if done else self._retry
        self._retry = _FIRST_RETRY_SECONDS if done else min(self._retry * 2, INTERVAL_SECONDS)
        self._waiting = True
        try:
            async with asyncio.timeout(wait):
                await self._due.wait()
            self._retry = _FIRST_RETRY_SECONDS
        except TimeoutError:
            return
        finally:
            self._waiting = False

    async def _watch(self) -> None:
        away = False
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            answers = await self._temporal_answers()
            # A round that is under way hears of the data plane's questions anyway.
            if answers and (away or (self._waiting and await self._data_plane_asks())):
                self._due.set()
            if answers == away:
                _log.warning("Temporal answers again" if answers else "Temporal does not answer")
            away = not answers

    async def _temporal_answers(self) -> bool:
        try:
            await self._client.workflow_service.get_system_info(
                GetSystemInfoRequest(), timeout=_LOOK_TIMEOUT
            )
        except RPCError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                # Temporal's client reports a cancelled call as an error of its own.
                raise asyncio.CancelledError from error
            return False
        return True

    async def _data_plane_asks(self) -> bool:
        """Return whether the data plane has something to ask that it had not at the last round."""
        run = await self._look_at_data_plane()
        if run is None:
            return False
        seen = self._seen
        return seen is None or run.id != seen.id or not {*run.unconfirmed} <= {*seen.unconfirmed}

    async def _look_at_data_plane(self) -> Run | None:
        try:
            return await self._data_plane.run()
        except DataPlaneUnavailable:
            return None

    def _report(self, problems: list[BaseException]) -> None:
        """Log what is wrong when it changes, not each time it is found."""
        told = "; ".join(repr(problem) for problem in problems)
        if told != self._problem:
            if told:
                _log.warning("the balancer is not up to date, and goes on trying: %s", told)
            else:
                _log.info("the balancer is up to date")
        self._problem = told
