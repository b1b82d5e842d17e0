"""How every activity runs: it heartbeats, and its errors are those that workflows know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from temporalio import activity
from temporalio.exceptions import ApplicationError

from skyflow.errors import SkyflowError

HEARTBEATS_PER_TIMEOUT = 10


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Raise an error of skyflow as the application error of that type.

    Whether it may be tried again is said by the contract, which lists the types that may not.
    """
    try:
        yield
    except SkyflowError as error:
        raise application_error(error) from None


def application_error(error: SkyflowError, *details: str) -> ApplicationError:
    """Return the application error of an error's type, with details for the workflow."""
    message = f"{error.message}; {error.remedy}" if error.remedy else error.message
    return ApplicationError(message, *details, type=type(error).__name__)


@asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Heartbeat while the body runs, so that a dead worker is noticed and a cancel arrives."""
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield
        return
    beating = asyncio.create_task(_beat(timeout.total_seconds() / HEARTBEATS_PER_TIMEOUT))
    try:
        yield
    finally:
        beating.cancel()


async def _beat(seconds: float) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(seconds)
