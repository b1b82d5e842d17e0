"""Work in flight goes on when its replica leaves, and its process is asked to end after that."""

from __future__ import annotations

import asyncio
import shutil
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from skyflow.state import ReplicaPhase
from tests.e2e.conftest import Up
from tests.e2e.services import write_service
from tests.e2e.stack import Stack
from tests.waiting import eventually

SERVER = Path(__file__).with_name("draining_server.py")


def write(folder: Path, *, replicas: int, drain_seconds: float, **envs: str) -> Path:
    spec = write_service(
        folder,
        f"exec python3 {SERVER.name}",
        service={"replicas": replicas, "drain_seconds": drain_seconds},
        envs={"GATE": str(folder / "gate"), **envs},
    )
    shutil.copy(SERVER, folder / "workdir")
    return spec


@dataclass
class Stream:
    """An answer that has not come to its end."""

    replica: str
    response: httpx.Response
    rest: AsyncIterator[str]

    async def to_its_end(self) -> set[str]:
        return {line async for line in self.rest}


@asynccontextmanager
async def stream(client: httpx.AsyncClient) -> AsyncIterator[Stream]:
    async with client.stream("GET", "/stream") as response:
        rest = response.aiter_lines()
        yield Stream(await anext(rest), response, rest)


@asynccontextmanager
async def tunnel(endpoint: str) -> AsyncIterator[tuple[str, StreamReader, StreamWriter]]:
    url = httpx.URL(endpoint)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield (await reader.readline()).decode().strip(), reader, writer
    finally:
        writer.close()


def terminated(folder: Path) -> set[str]:
    return {path.name.removeprefix("terminated-") for path in folder.glob("terminated-*")}


async def test_scaling_down_cuts_nothing(stack: Stack, up: Up, tmp_path: Path) -> None:
    await up(write(tmp_path, replicas=3, drain_seconds=600), "drained")
    endpoint = await stack.endpoint("drained")
    async with AsyncExitStack() as opened, httpx.AsyncClient(base_url=endpoint) as client:
        streams = [await opened.enter_async_context(stream(client)) for _ in range(3)]
        tunnels = [await opened.enter_async_context(tunnel(endpoint)) for _ in range(3)]
        assert len({found.replica for found in streams}) == 3
        assert len({replica for replica, _, _ in tunnels}) == 3
        await stack.run("serve", "scale", "drained", "1")
        [kept] = await stack.ready("drained")

        async def draining() -> bool:
            return len(await stack.replicas("drained", ReplicaPhase.DRAINING)) == 2

        await eventually(draining, 60)
        assert {(await client.get("/")).text for _ in range(20)} == {str(kept)}
        for _, reader, writer in tunnels:
            writer.write(b"still here\n")
            assert await asyncio.wait_for(reader.readline(), 30) == b"still here\n"
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 30) == b""
        assert terminated(tmp_path) == set()
        (tmp_path / "gate").touch()
        for found in streams:
            assert await found.to_its_end() <= {found.replica}
    left = {found.replica for found in streams} - {str(kept)}
    await eventually(lambda: terminated(tmp_path) == left, 60)


async def test_what_lasts_longer_than_its_time_is_ended(
    stack: Stack, up: Up, tmp_path: Path
) -> None:
    await up(write(tmp_path, replicas=1, drain_seconds=3, STUBBORN="1"), "stubborn")
    endpoint = await stack.endpoint("stubborn")
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(base_url=endpoint) as client, stream(client) as found:
        begin = loop.time()
        down = asyncio.create_task(stack.run("serve", "down", "stubborn", "-y"))
        try:
            await found.to_its_end()
            cut = False
        except httpx.TransportError:
            cut = True
        assert cut
        assert loop.time() - begin >= 3
    await down
    assert terminated(tmp_path) == {found.replica}
