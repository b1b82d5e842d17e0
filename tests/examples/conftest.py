from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
TOY = EXAMPLES / "toy-llm"


@pytest.fixture(scope="package")
def toy_process() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = {"SKYFLOW_REPLICA_PORT": str(port), "TOY_HOST": "127.0.0.1"}
    environment = {**os.environ, **values, "TOY_TOKENS_PER_SECOND": "0"}
    command = [sys.executable, str(TOY / "server.py")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        yield f"http://127.0.0.1:{port}"
        process.kill()


@pytest.fixture(scope="package")
async def toy(toy_process: str) -> str:
    async with httpx.AsyncClient() as client:

        async def answers() -> bool:
            try:
                return (await client.get(f"{toy_process}/health")).is_success
            except httpx.TransportError:
                return False

        await eventually(answers, what="the toy server answers")
    return toy_process


@pytest.fixture
async def client(toy: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{toy}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
async def http(toy: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=toy) as client:
        yield client
