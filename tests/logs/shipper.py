"""Watches a replica as a worker does, in a process of its own: `python -m tests.logs.shipper`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

import aiohttp

from skyflow.config import Settings
from skyflow.contracts import WatchRequest
from skyflow.spec import load_task
from skyflow.storage.keyring import Keyring
from skyflow.storage.store import Store
from skyflow.watching.machines import MachineStates
from skyflow.watching.notices import NoticeBoard
from skyflow.watching.watch import Watcher


async def main() -> None:
    given = json.load(sys.stdin)
    settings = Settings(home=Path(given["home"]))
    request = WatchRequest.model_validate(given["request"])
    keyring, states = Keyring.load(settings), MachineStates(settings)
    async with aiohttp.ClientSession() as session:
        watcher = Watcher(keyring, Store(settings), session, states, NoticeBoard(settings))
        watching = asyncio.create_task(
            watcher.watch(request, load_task(Path(given["yaml"])), time.time)
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, watching.cancel)
        await asyncio.wait([watching])


if __name__ == "__main__":
    asyncio.run(main())
