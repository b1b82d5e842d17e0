"""moto's server in a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp

from tests.clouds.aws_bench.images import write_images
from tests.waiting import eventually

_START_SECONDS = 60
_LISTENING = re.compile(r"Running on (http://\S+:\d+)")


@asynccontextmanager
async def running_moto(folder: Path) -> AsyncIterator[str]:
    """Run moto meanwhile; its files are in a folder. Returns its URL."""
    images, log = folder / "images.json", folder / "moto.log"
    write_images(images)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "moto.server",
            "-p",
            "0",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={
                **os.environ,
                "MOTO_AMIS_PATH": str(images),
                "MOTO_ENABLE_AMI_VALIDATION": "true",
                "MOTO_ENABLE_KEYPAIR_VALIDATION": "true",
                "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "true",
            },
            cwd=folder,
        )
    try:
        yield str(await eventually(partial(_address, process, log), _START_SECONDS, "moto answers"))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def forget_everything(url: str) -> None:
    """Let moto begin anew, with nothing in any account."""
    client = aiohttp.ClientSession(raise_for_status=True)
    async with client, client.post(f"{url}/moto-api/reset"):
        pass


def _address(process: asyncio.subprocess.Process, log: Path) -> str | None:
    text = log.read_text(errors="replace")
    assert process.returncode is None, text
    found = _LISTENING.search(text)
    return found[1] if found else None
