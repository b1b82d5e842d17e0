"""One readiness probe over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from skyflow.spec import ReadinessProbe

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
    """Ask a replica once whether it is ready; whatever goes wrong means that it is not.

    The session must keep no cookies and reuse no connections: a probe is to find out whether the
    server takes a new client.
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
    except aiohttp.ClientConnectorError as error:
        return ProbeOutcome(False, f"no connection: {error.strerror}")
    except (aiohttp.ClientError, ValueError, OSError) as error:
        return ProbeOutcome(False, f"no answer: {type(error).__name__}")
