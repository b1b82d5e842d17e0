"""Printing the logs of a service until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import click

from cli.log_source import LogSource, decision_line
from skyflow.client import Skyflow
from skyflow.errors import ControllerUnavailable, SkyflowError
from skyflow.sdk.files import access_log, file_lines
from skyflow.sdk.log_lines import LogLine
from skyflow.sdk.views import ServiceView
from skyflow.state import Decision, ServicePhase

LOOK_SECONDS = 1.0
"""Time between two looks at whether a service still runs, in seconds."""


class LogPrinter:
    """Prints what there is of one service and, if asked, what comes until it ends."""

    def __init__(self, source: LogSource, *, follow: bool, tail: int | None) -> None:
        self._source = source
        self._follow = follow
        self._tail = tail

    async def print_replicas(self, replica_id: int | None) -> None:
        """Print the logs of all replicas, or of one."""
        source = self._source
        async with self._ended(lambda view: _has_written_all(view, replica_id)) as ended:
            lines = source.logs.lines(
                source.name,
                source.incarnation,
                replica_id=replica_id,
                tail=self._tail,
                ended=ended,
            )
            async for line in lines:
                click.echo(line.text if replica_id is not None else _prefixed(line))

    async def print_requests(self) -> None:
        """Print the balancer's log of requests."""
        source = self._source
        path = access_log(source.settings, source.name, source.incarnation)
        async with self._ended() as ended:
            async for line in file_lines(path, tail=self._tail, ended=ended):
                click.echo(line)

    async def print_decisions(self) -> None:
        """Print the service's decisions.

        Raises:
            ControllerUnavailable: Nobody can be asked for them.

        """
        source, skyflow = self._source, self._source.skyflow
        if skyflow is None:
            raise ControllerUnavailable(
                "decisions are kept by the controller, which does not answer",
                "`skyflow stack up` starts it",
            )
        printed: float | None = None
        async with self._ended() as ended:
            while True:
                last_look = ended is None or ended.is_set()
                if await skyflow.last_incarnation(source.name) != source.incarnation:
                    return
                try:
                    printed = self._print_news(await skyflow.decisions(source.name), printed)
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
            click.echo(decision_line(decision))
        return decisions[-1].at if decisions else printed

    @asynccontextmanager
    async def _ended(
        self, written_all: Callable[[ServiceView], bool] = lambda _: False
    ) -> AsyncIterator[asyncio.Event | None]:
        """Give an event that is set when nothing more will be written; None not to wait.

        That is when this incarnation of the service no longer runs, nor any replica of it, or
        before that when `written_all` says so. Who cannot be asked has not said so.
        """
        skyflow = self._source.skyflow
        if not self._follow or skyflow is None:
            yield None
            return
        ended = asyncio.Event()
        looking = asyncio.create_task(self._look(skyflow, written_all, ended))
        try:
            yield ended
        finally:
            looking.cancel()

    async def _look(
        self,
        skyflow: Skyflow,
        written_all: Callable[[ServiceView], bool],
        ended: asyncio.Event,
    ) -> None:
        name, incarnation = self._source.name, self._source.incarnation
        while not ended.is_set():
            with suppress(SkyflowError):
                view = await skyflow.find(name)
                if view is None or view.status.incarnation != incarnation:
                    over = not await skyflow.has_running_replicas(name, incarnation)
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
