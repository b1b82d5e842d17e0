"""One readiness probe over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from skyflow.errors import ProbeImpossible
from skyflow.spec import ReadinessProbe
from skyflow.system_errors import is_exhaustion, reason

READY_STATUS = 200
"""The one status that means ready, as in SkyServe."""


@dataclass(frozen=True)
class ProbeOutcome:
    """What one probe found."""

    succeeded: bool
    detail: str


async def probe(
    session: aiohttp.ClientSession, endpoint: str, settings: ReadinessProbe
) -> ProbeOutcome:
    """Ask a replica once whether it is ready; whatever goes wrong there means that it is not.

    The session must keep no cookies and reuse no connections: a probe is to find out whether the
    server takes a new client.

    Raises:
        ProbeImpossible: This computer could not ask.

    """
    method = "GET" if settings.post_data is None else "POST"
    headers = dict(settings.headers)
    if settings.post_data is not None:
        headers.setdefault("Content-Type", "application/json")
    try:
        async with session.request(
            method,
            endpoint + settings.path,
            data=settings.post_data,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=settings.timeout_seconds),
        ) as response:
            succeeded = response.status == READY_STATUS
            return ProbeOutcome(succeeded, f"status {response.status}")
    except TimeoutError:
        return ProbeOutcome(False, f"no answer within {settings.timeout_seconds:g} s")
    except (aiohttp.ClientError, ValueError, OSError) as error:
        if is_exhaustion(error):
            raise ProbeImpossible(f"{endpoint} cannot be probed: {reason(error)}") from error
        if isinstance(error, aiohttp.ClientConnectorError):
            return ProbeOutcome(False, f"no connection: {error.strerror}")
        return ProbeOutcome(False, f"no answer: {type(error).__name__}")
