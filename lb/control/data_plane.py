"""Talks to the data plane over its control socket."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

import aiohttp
from pydantic import ValidationError

from lb.files import control_socket
from lb.reports import EndpointSets, Refused, Run, Services
from skyflow.config import Settings
from skyflow.contracts import DrainResult
from skyflow.errors import ControllerUnavailable, UsageError
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
    """The data plane of this installation; a context manager."""

    def __init__(self, settings: Settings) -> None:
        connector = aiohttp.UnixConnector(path=str(control_socket(settings)), force_close=True)
        self._session = aiohttp.ClientSession("http://data-plane", connector=connector)

    async def __aenter__(self) -> DataPlane:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def apply(self, endpoints: EndpointSet) -> EndpointSet:
        """Hand over an endpoint set and return the one in force.

        Raises:
            DataPlaneUnavailable: It does not answer, or has run out of something for now.
            DataPlaneRefusal: Its port cannot be listened on, or it can never be served.
        """
        return await self._call("PUT", "/endpoints", EndpointSet, body=endpoints)

    async def endpoint_sets(self) -> EndpointSets:
        """Return all sets in force.

        Raises:
            DataPlaneUnavailable: It does not answer.
        """
        return await self._call("GET", "/endpoints", EndpointSets)

    async def services(self) -> Services:
        """Return the counters of all services.

        Raises:
            DataPlaneUnavailable: It does not answer.
        """
        return await self._call("GET", "/services", Services)

    async def run(self) -> Run:
        """Return which life of the data plane this is, and what it would have confirmed.

        Raises:
            DataPlaneUnavailable: It does not answer.
        """
        return await self._call("GET", "/run", Run)

    async def drain(self, service: str, replica_id: int, seconds: float) -> DrainResult:
        """Wait until a replica has nothing in flight, for a number of seconds at most.

        Raises:
            DataPlaneUnavailable: It does not answer.
        """
        query = {"service": service, "replica_id": str(replica_id), "seconds": repr(seconds)}
        return await self._call("GET", "/drain", DrainResult, query=query, wait=seconds)

    async def _call(
        self,
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
        try:
            async with self._session.request(
                method, path, data=data, params=query, timeout=timeout
            ) as response:
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
