"""What the activities of one worker share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import aiohttp
from temporalio.client import Client

from skyflow.config import Settings
from skyflow.spec import Task
from skyflow.state import SpecReference
from skyflow.storage.keyring import Keyring
from skyflow.storage.sources.pinned import PinnedSource
from skyflow.storage.specs import StoredSource, StoredSpec, load_source, load_spec
from skyflow.storage.store import Store
from skyflow.watching.balancers import known_admins
from skyflow.watching.load_feed import LoadFeed
from skyflow.watching.machines import MachineStates
from skyflow.watching.notices import NoticeBoard
from skyflow.watching.watch import Watcher


@dataclass(frozen=True)
class Context:
    """Clients and keys, opened once for a worker."""

    settings: Settings
    client: Client
    store: Store
    keyring: Keyring
    watcher: Watcher
    loads: LoadFeed

    async def spec(self, reference: SpecReference) -> StoredSpec:
        """Return the full spec that a reference names.

        Raises:
            StorageError: It is not there, or cannot be read.

        """
        return await load_spec(self.store, self.keyring, reference)

    async def source(self, source: StoredSource) -> PinnedSource:
        """Return what was found of a source when its service was deployed.

        Raises:
            StorageError: It is not there, or cannot be read.

        """
        return await load_source(self.store, self.keyring, source)

    async def task(self, reference: SpecReference) -> Task:
        """Return the task of the full spec that a reference names.

        Raises:
            StorageError: It is not there, or cannot be read.

        """
        return (await self.spec(reference)).task


@asynccontextmanager
async def open_context(settings: Settings, client: Client) -> AsyncIterator[Context]:
    """Open what activities need, and close it at the end.

    Raises:
        StorageError: The store or the keys cannot be used.

    """
    store, keyring = Store(settings), Keyring.load(settings)
    # obstore starts its threads at the first use. Where that fails, as for want of file
    # descriptors, it fails in this process for ever: it must have been done before there is any.
    await store.exists("services")
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
        watcher = Watcher(keyring, store, session, MachineStates(settings), NoticeBoard(settings))
        loads = LoadFeed(partial(known_admins, client))
        yield Context(settings, client, store, keyring, watcher, loads)
