"""Printing the logs of a service until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import click

from cli.connecting import reading
from cli.terminal import say
from skyflow.client import Skyflow
from skyflow.config import Settings
from skyflow.errors import ControllerUnavailable, ServiceNotFound, SkyflowError, StackError
from skyflow.sdk.files import access_log, file_lines
from skyflow.sdk.log_lines import LogLine
from skyflow.sdk.logs import ServiceLogs
from skyflow.sdk.views import ServiceView
from skyflow.state import Decision, ServicePhase

LOOK_SECONDS = 1.0
"""Time between two looks at whether a service still runs, in seconds."""


class LogPrinter:
    """Prints what there is of one service and, if asked, what comes until it ends."""

    def __init__(self, name: str, *, follow: bool, tail: int | None) -> None:
        self._name = name
        self._follow = follow
        self._tail = tail
        self._settings = Settings.from_environment()
        self._skyflow: Skyflow | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Reach the controller if it answers; logs can be read without it."""
        async with AsyncExitStack() as stack:
            try:
                self._skyflow = await stack.enter_async_context(reading())
            except (ControllerUnavailable, StackError):
                say("The controller does not answer: this is what the store has.")
            yield

    async def print_replicas(self, replica_id: int | None) -> None:
        """Print the logs of all replicas, or of one."""
        logs = ServiceLogs(self._settings)
        incarnation = await self._incarnation(logs)
        async with self._ended(incarnation, lambda v: _has_written_all(v, replica_id)) as ended:
            async for line in logs.lines(
                self._name, incarnation, replica_id=replica_id, tail=self._tail, ended=ended
            ):
                click.echo(line.text if replica_id is not None else _prefixed(line))

    async def print_requests(self) -> None:
        """Print the balancer's log of requests."""
        incarnation = await self._incarnation(ServiceLogs(self._settings))
        path = access_log(self._settings, self._name, incarnation)
        async with self._ended(incarnation) as ended:
            async for line in file_lines(path, tail=self._tail, ended=ended):
                click.echo(line)

    async def print_decisions(self) -> None:
        """Print the service's decisions.

        Raises:
            ControllerUnavailable: Nobody can be asked for them.

        """
        if self._skyflow is None:
            raise ControllerUnavailable(
                "decisions are kept by the controller, which does not answer",
                "`skyflow stack up` starts it",
            )
        incarnation = await self._skyflow.last_incarnation(self._name)
        printed: float | None = None
        async with self._ended(incarnation or "") as ended:
            while True:
                last_look = ended is None or ended.is_set()
                if last_look and await self._skyflow.last_incarnation(self._name) != incarnation:
                    return
                try:
                    printed = self._print_news(await self._skyflow.decisions(self._name), printed)
                except ControllerUnavailable:
                    if last_look:
                        raise
                if last_look:
                    return
                await asyncio.sleep(LOOK_SECONDS)

    def _print_news(self, decisions: Sequence[Decision], printed: float | None) -> float | None:
        """Print the decisions made after a time, or the last ones if none were printed before."""
        fresh = [d for d in decisions if printed is None or d.at > printed]
        if printed is None and self._tail is not None:
            fresh = fresh[max(0, len(fresh) - self._tail) :]
        for decision in fresh:
            click.echo(_decision(decision))
        return decisions[-1].at if decisions else printed

    async def _incarnation(self, logs: ServiceLogs) -> str:
        """Return the latest service of the name: as Temporal knows it, or by the logs it left."""
        known = await self._skyflow.last_incarnation(self._name) if self._skyflow else None
        left = logs.incarnations(self._name)
        if known is None and not left:
            raise ServiceNotFound(f"Service {self._name!r} not found, and there are no logs of it.")
        if known and known not in left and not await self._runs():
            raise ServiceNotFound(f"Service {self._name!r} is down, and left no logs.")
        return known or left[-1]

    async def _runs(self) -> bool:
        return self._skyflow is not None and await self._skyflow.find(self._name) is not None

    @asynccontextmanager
    async def _ended(
        self, incarnation: str, written_all: Callable[[ServiceView], bool] = lambda _: False
    ) -> AsyncIterator[asyncio.Event | None]:
        """Give an event that is set when nothing more will be written; None not to wait.

        That is when this incarnation of the service no longer runs, nor any replica of it, or
        before that when `written_all` says so. Who cannot be asked has not said so.
        """
        if not self._follow or self._skyflow is None:
            yield None
            return
        ended = asyncio.Event()
        looking = asyncio.create_task(self._look(self._skyflow, incarnation, written_all, ended))
        try:
            yield ended
        finally:
            looking.cancel()

    async def _look(
        self,
        skyflow: Skyflow,
        incarnation: str,
        written_all: Callable[[ServiceView], bool],
        ended: asyncio.Event,
    ) -> None:
        while not ended.is_set():
            with suppress(SkyflowError):
                view = await skyflow.find(self._name)
                if view is None or view.status.incarnation != incarnation:
                    over = not await skyflow.has_running_replicas(self._name, incarnation)
                else:
                    # What was written down a while ago may not name the latest replicas.
                    over = not view.stale and written_all(view)
                if over:
                    ended.set()
            await asyncio.sleep(LOOK_SECONDS)


def _has_written_all(view: ServiceView, replica_id: int | None) -> bool:
    """Return whether no replica, or not that one, will write anything more."""
    going_on = {r.replica_id for r in view.status.replicas if not r.phase.ended}
    if replica_id is None:
        return view.status.phase is ServicePhase.FAILED and not going_on
    # One that is no longer listed ended long ago, or never was.
    return replica_id not in going_on


def _prefixed(line: LogLine) -> str:
    node = f".{line.node}" if line.node else ""
    return f"replica {line.replica_id}{node} {line.stream:<5} | {line.text}"


def _decision(decision: Decision) -> str:
    from cli.render.services import clock

    about = f" replica {decision.replica_id}" if decision.replica_id is not None else ""
    return f"{clock(decision.at)} {decision.kind}{about}: {decision.reason}"
