"""Calls of AWS, off the event loop."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.config import Config

from skyflow.clouds.aws import credentials
from skyflow.clouds.aws.errors import LIBRARY_ERRORS, is_stale, is_transient, typed
from skyflow.clouds.aws.settings import AwsSettings
from skyflow.errors import CloudError

_MOST_CALLS = 32
"""Calls at once; each holds a thread."""
_CONNECT_SECONDS = 5
_READ_SECONDS = 60
"""RunInstances of a large machine may take half a minute to be refused."""
TRIES = 7
"""How often a call is tried, within some fifteen seconds if it is refused at once."""
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 8.0
_READS = ("describe_", "get_", "list_")

_THREADS = ThreadPoolExecutor(_MOST_CALLS, thread_name_prefix="aws")
_CONFIG = Config(
    connect_timeout=_CONNECT_SECONDS,
    read_timeout=_READ_SECONDS,
    max_pool_connections=_MOST_CALLS,
    # `AwsApi.call` repeats requests itself: botocore takes the status 500 of a lack of capacity
    # for a fault of the server, and would ask again for many seconds.
    retries={"total_max_attempts": 1, "mode": "standard"},
)


class AwsApi:
    """Calls with the credentials of one setting; any number at once, from any event loop."""

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}

    async def call(
        self, service: str, operation: str, region: str, tries: int = TRIES, **arguments: Any
    ) -> dict[str, Any]:
        """Call an operation, such as `describe_instances`, and return its answer.

        What may well succeed in a moment (throttling, broken connections, faults of the server) is
        tried again for some seconds. Credentials that have become stale are read anew once. One
        who is cancelled during a call that changes something waits until it has ended, so that
        what it makes is seen by whoever clears up.

        Raises:
            CloudError: It failed; the type and the remedy say how.

        """
        renewed = False
        for pause in _pauses(tries):
            try:
                return await self._try(service, operation, region, arguments)
            except LIBRARY_ERRORS as problem:
                failure: Exception = problem
            if is_stale(failure) and not renewed:
                renewed = True
                self._forget_credentials()
                continue
            if pause is None or not is_transient(failure):
                break
            await asyncio.sleep(pause)
        raise self._typed(failure, service, operation, region) from failure

    async def collect(
        self, operation: str, region: str, key: str, **arguments: Any
    ) -> list[dict[str, Any]]:
        """Call an operation of EC2 that answers in pages, and return the items under a key.

        Raises:
            CloudError: It failed.

        """
        items: list[dict[str, Any]] = []
        token: dict[str, Any] = {}
        while True:
            page = await self.call("ec2", operation, region, **arguments, **token)
            items += page.get(key, [])
            if not page.get("NextToken"):
                return items
            token = {"NextToken": page["NextToken"]}

    async def home_region(self) -> str:
        """Return the region to ask what concerns the whole account.

        Raises:
            CredentialsError: There is no such profile.

        """
        if self._settings.regions:
            return self._settings.regions[0]
        loop = asyncio.get_running_loop()
        try:
            session = await loop.run_in_executor(_THREADS, self._open_session)
        except LIBRARY_ERRORS as problem:
            raise typed(problem, "sts", "session", "any region") from problem
        return session.region_name or "us-east-1"

    async def _try(
        self, service: str, operation: str, region: str, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        work = partial(self._call, service, operation, region, arguments)
        answer = loop.run_in_executor(_THREADS, work)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if not operation.startswith(_READS):
                await asyncio.wait([answer])
            raise

    def _call(
        self, service: str, operation: str, region: str, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._client(service, region), operation)(**arguments)
        return answer

    def _client(self, service: str, region: str) -> Any:
        key = (service, region)
        # Clients may be used by several threads; making one may not (boto3, "Multithreading").
        with self._lock:
            if key not in self._clients:
                session = self._open_session()
                self._clients[key] = session.client(service, region_name=region, config=_CONFIG)
            return self._clients[key]

    def _open_session(self) -> Any:
        with self._lock:
            if self._session is None:
                self._session = credentials.new_session(self._settings)
            return self._session

    def _forget_credentials(self) -> None:
        with self._lock:
            self._session = None
            self._clients.clear()

    @staticmethod
    def _typed(problem: Exception, service: str, operation: str, region: str) -> CloudError:
        action = "".join(part.capitalize() for part in operation.split("_"))
        return typed(problem, service, action, region)


def _pauses(tries: int) -> Iterator[float | None]:
    """Yield how long to wait after each try, in seconds; None after the last."""
    longest = _FIRST_PAUSE_SECONDS
    for _ in range(tries - 1):
        # Of any length up to the longest, so that those who were refused together part.
        yield random.uniform(0, longest)
        longest = min(2 * longest, _LONGEST_PAUSE_SECONDS)
    yield None
