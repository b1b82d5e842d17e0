"""Services of other kinds, and several at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import openai

from tests.e2e.conftest import Up, take_down
from tests.e2e.services import write_service
from tests.e2e.stack import EXAMPLES, Stack

FIXED_PORT = EXAMPLES / "hello-fixed-port" / "service.yaml"
TOY = EXAMPLES / "toy-llm" / "service.yaml"
FIRST_TOKEN_SECONDS = 15
QUESTION: Any = {
    "model": "toy-llm",
    "messages": [{"role": "user", "content": "Tell me a long story"}],
}


async def told(stack: Stack, name: str) -> dict[str, object]:
    async with httpx.AsyncClient() as client:
        answer: dict[str, object] = (await client.get(await stack.endpoint(name))).json()
    return answer


async def test_replicas_share_a_fixed_port_where_each_has_an_address(stack: Stack, up: Up) -> None:
    if stack.network == "shared":
        refused = await up(FIXED_PORT, "fixed", status=2)
        assert "SKYFLOW_REPLICA_PORT" in refused.err
        assert "run as root on Linux" in refused.err
        assert await (await stack.sdk()).find("fixed") is None
        return
    await up(FIXED_PORT, "fixed")
    urls = {replica.endpoint or "" for replica in await stack.replicas("fixed")}
    assert len(urls) == 2
    assert all(url.endswith(":8080") for url in urls)
    async with httpx.AsyncClient() as client:
        page = await client.get(await stack.endpoint("fixed"))
    assert page.text == (FIXED_PORT.parent / "index.html").read_text()


async def test_a_language_model_streams_through_the_endpoint(stack: Stack, up: Up) -> None:
    await up(TOY, "toy", "--env", "TOY_TOKENS_PER_SECOND=1")
    base = f"{await stack.endpoint('toy')}/v1"
    async with openai.AsyncOpenAI(base_url=base, api_key="none", max_retries=0) as client:
        whole = await client.chat.completions.create(**QUESTION, stream=True)
        # The whole answer takes three times as long: what comes now is passed on as it is made.
        async with asyncio.timeout(FIRST_TOKEN_SECONDS):
            async for chunk in whole:
                if chunk.choices[0].delta.content:
                    break
        await whole.close()
        short = await client.chat.completions.create(**QUESTION, stream=True, max_tokens=2)
        chunks = [chunk async for chunk in short]
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) == 2
    assert chunks[-1].choices[0].finish_reason == "length"


async def test_names_that_differ_little_are_services_of_their_own(
    stack: Stack, up: Up, tmp_path: Path
) -> None:
    names = ["a-b", "a_b", "A-B"]
    spec = write_service(tmp_path)
    await asyncio.gather(*(up(spec, name) for name in names))
    assert [(await told(stack, name))["service"] for name in names] == names
    assert len({await stack.endpoint(name) for name in names}) == 3
    await take_down(stack, "a_b")
    assert await (await stack.sdk()).find("a_b") is None
    assert [(await told(stack, name))["service"] for name in ("a-b", "A-B")] == ["a-b", "A-B"]
