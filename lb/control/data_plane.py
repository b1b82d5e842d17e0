"""Talks to the data plane over the control sockets of its processes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import aiohttp
from pydantic import ValidationError

from lb.control.totals import merged
from lb.files import control_sockets, leaving_sockets
from lb.reports import EndpointSets, LoadQuestion, Refused, Run, Services
from skyflow.config import Settings
from skyflow.contracts import DrainResult
from skyflow.errors import ControllerUnavailable, UsageError
from skyflow.load import LoadReport, ProcessLoad
from skyflow.records import Record
from skyflow.state import EndpointSet

_ANSWER_SECONDS = 4.0
"""Longest wait for an answer; less than an `apply_endpoints` may take."""

Answer = TypeVar("Answer", bound=Record)


class DataPlaneUnavailable(ControllerUnavailable):
    """The data plane does not answer, or could not do what it was asked to; worth another try."""


class DataPlaneRefusal(UsageError):
    """The data plane will never do what it was asked to."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.refused = refused


class DataPlane:
    """The data plane of this installation, of one process or several; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __aenter__(self) -> DataPlane:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return

    async def apply(self, endpoints: EndpointSet) -> EndpointSet:
        """Hand over an endpoint set to every process, and return the one in force.

        Raises:
            DataPlaneUnavailable: One does not answer, or has run out of something for now.
            DataPlaneRefusal: Its port cannot be listened on, or it can never be served.
        """
        found = await self._ask_all("PUT", "/endpoints", EndpointSet, body=endpoints)
        return min(found, key=lambda each: each.order)

    async def endpoint_sets(self) -> EndpointSets:
        """Return all sets in force.

        Raises:
            DataPlaneUnavailable: A process does not answer.
        """
        found = await self._ask_all("GET", "/endpoints", EndpointSets)
        sets = sorted((each for report in found for each in report.sets), key=lambda s: s.order)
        newest = {each.service: each for each in sets}
        return EndpointSets(sets=tuple(newest[name] for name in sorted(newest)))

    async def services(self) -> Services:
        """Return the counters of all services, those of all processes together.

        Raises:
            DataPlaneUnavailable: No process answers.
        """
        found = await self.processes()
        return Services(process=".".join(each.process for each in found), services=merged(found))

    async def processes(self) -> list[Services]:
        """Return the counters of each process that answers, of those that end too.

        Raises:
            DataPlaneUnavailable: None does.
        """
        found, leaving = await asyncio.gather(
            self._ask_any("/services", Services), self._ask_leaving("/services", Services)
        )
        return [*leaving, *found]

    async def load(self, question: LoadQuestion) -> LoadReport:
        """Return what is asked of all services, once it is due at one of the processes.

        Raises:
            DataPlaneUnavailable: None answers.
        """
        if question.wait:
            await self._until_due(question)
        query = {"after": question.after, "wait": "0"}
        found, leaving = await asyncio.gather(
            self._ask_any("/load", ProcessLoad, query=query),
            self._ask_leaving("/load", ProcessLoad, query=query),
        )
        processes = sorted((*leaving, *found), key=lambda each: each.process)
        return LoadReport(processes=tuple(processes))

    async def run(self) -> Run:
        """Return which life of the data plane this is, and what it would have confirmed.

        Raises:
            DataPlaneUnavailable: A process does not answer.
        """
        found = await self._ask_all("GET", "/run", Run)
        unconfirmed = {name for each in found for name in each.unconfirmed}
        return Run(id=".".join(each.id for each in found), unconfirmed=tuple(sorted(unconfirmed)))

    async def drain(self, service: str, replica_id: int, seconds: float) -> DrainResult:
        """Wait until a replica has nothing in flight, for a number of seconds at most.

        Processes that only finish what they have are asked too.

        Raises:
            DataPlaneUnavailable: A process does not answer.
        """
        query = {"service": service, "replica_id": str(replica_id), "seconds": repr(seconds)}
        found, others = await asyncio.gather(
            self._ask_all("GET", "/drain", DrainResult, query=query, wait=seconds),
            self._ask_leaving("/drain", DrainResult, query=query, wait=seconds),
        )
        return DrainResult(remaining=sum(each.remaining for each in (*found, *others)))

    async def _until_due(self, question: LoadQuestion) -> None:
        """Wait until one of the processes has something to tell."""
        # The answer is asked for once more after that, of all of them together.
        query = {"after": question.after, "wait": repr(question.wait), "brief": "1"}
        waiting = [
            asyncio.create_task(
                _call(each, "GET", "/load", ProcessLoad, query=query, wait=question.wait)
            )
            for each in control_sockets(self._settings)
        ]
        try:
            for answer in asyncio.as_completed(waiting):
                # One that does not answer is no reason to stop waiting for the others.
                with suppress(DataPlaneUnavailable):
                    await answer
                    return
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _ask_all(
        self, method: str, path: str, answer: type[Answer], **how: Any
    ) -> list[Answer]:
        """Return the answers of all processes, once none of them is at work any more."""
        sockets = control_sockets(self._settings)
        results = await asyncio.gather(
            *(_call(each, method, path, answer, **how) for each in sockets),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]

    async def _ask_any(self, path: str, answer: type[Answer], **how: Any) -> list[Answer]:
        """Return the answers of those processes that answer, at least one."""
        sockets = control_sockets(self._settings)
        results = await asyncio.gather(
            *(_call(each, "GET", path, answer, **how) for each in sockets), return_exceptions=True
        )
        found = [result for result in results if not isinstance(result, BaseException)]
        for result in results:
            if isinstance(result, BaseException) and not (
                found and isinstance(result, DataPlaneUnavailable)
            ):
                raise result
        return found

    async def _ask_leaving(self, path: str, answer: type[Answer], **how: Any) -> list[Answer]:
        results = await asyncio.gather(
            *(_call(each, "GET", path, answer, **how) for each in leaving_sockets(self._settings)),
            return_exceptions=True,
        )
        # One that does not answer has ended, and its requests with it.
        return [result for result in results if not isinstance(result, BaseException)]


async def _call(
    control: Path,
    method: str,
    path: str,
    answer: type[Answer],
    *,
    body: Record | None = None,
    query: dict[str, str] | None = None,
    wait: float = 0,
) -> Answer:
    data = body.model_dump_json() if body else None
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS + wait)
    connector = aiohttp.UnixConnector(path=str(control))
    try:
        async with (
            aiohttp.ClientSession("http://data-plane", connector=connector) as session,
            session.request(method, path, data=data, params=query, timeout=timeout) as response,
        ):
            text = await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise DataPlaneUnavailable(
            f"the balancer's data plane does not answer: {reason}",
            remedy="see `skyflow stack status`, or start `python -m lb data`",
        ) from error
    return _read(response.status, text, answer)


def _read(status: int, text: bytes, answer: type[Answer]) -> Answer:
    try:
        if status == 200:
            return answer.model_validate_json(text)
        refused = Refused.model_validate_json(text)
    except ValidationError as error:
        raise DataPlaneUnavailable(
            f"the balancer's data plane answered {status} and nothing that can be read",
            remedy="start data plane and control process from the same version",
        ) from error
    if status < 500:
        raise DataPlaneRefusal(refused)
    raise DataPlaneUnavailable(refused.message)
