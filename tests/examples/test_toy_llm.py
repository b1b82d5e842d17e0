from __future__ import annotations

import asyncio
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from tests.examples.conftest import TOY
from tests.waiting import eventually

CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "What is a replica?"}]


async def ask(client: openai.AsyncOpenAI, prompt: str, limit: int | None = None) -> str:
    answer = await client.chat.completions.create(
        model="toy-llm", messages=[{"role": "user", "content": prompt}], max_tokens=limit
    )
    return answer.choices[0].message.content or ""


async def test_models_are_listed(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["toy-llm"]


async def test_the_same_prompt_gets_the_same_answer(client: openai.AsyncOpenAI) -> None:
    first = await ask(client, "What is a replica?")
    assert first == await ask(client, "What is a replica?")
    assert first != await ask(client, "What is a zone?")


async def test_an_answer_is_cut_at_max_tokens(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="toy-llm", messages=[{"role": "user", "content": "Hi"}], max_tokens=5
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage
    assert answer.usage.completion_tokens == 5


async def test_a_stream_says_the_same_as_a_whole_answer(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="toy-llm",
        messages=[{"role": "user", "content": "Hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert len(chunks) > 20
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == await ask(client, "Hi")
    usage = chunks[-1].usage
    assert usage
    assert usage.completion_tokens == len(text.split())


async def test_usage_is_not_streamed_unless_asked_for(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="toy-llm", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    chunks = [chunk async for chunk in stream]
    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_plain_completions_stream_too(client: openai.AsyncOpenAI) -> None:
    whole = await client.completions.create(model="toy-llm", prompt="Once", max_tokens=8)
    stream = await client.completions.create(
        model="toy-llm", prompt="Once", max_tokens=8, stream=True
    )
    text = "".join([chunk.choices[0].text async for chunk in stream if chunk.choices])
    assert text == whole.choices[0].text


async def test_another_model_is_not_found(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        await client.completions.create(model="gpt-9", prompt="Hi")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"messages": []}',
        b'{"messages": "hi"}',
        b'{"messages": [1]}',
        b'{"messages": [{"role": "user", "content": 5}]}',
        b'{"messages": [{"role": "user", "content": "a"}], "max_tokens": -1}',
        b'{"messages": [{"role": "user", "content": "a"}], "stream": "yes"}',
        b'{"messages": [{"role": "user", "content": "a"}], "n": 2}',
        b'{"messages": [{"role": "user", "content": "a"}], "stream_options": 1}',
    ],
)
async def test_bad_input_is_answered_in_the_format_of_the_api(
    http: httpx.AsyncClient, body: bytes
) -> None:
    answer = await http.post(CHAT, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_unknown_paths_and_methods_are_refused(http: httpx.AsyncClient) -> None:
    assert (await http.get("/nowhere")).status_code == 404
    assert (await http.put(CHAT)).json()["error"]["message"].startswith("Unsupported method")


async def test_a_chunked_request_body_is_read(http: httpx.AsyncClient) -> None:
    body = (part for part in (b'{"prompt": ', b'"Once"}'))

    async def parts() -> object:
        for part in body:
            yield part

    answer = await http.post("/v1/completions", content=parts())  # type: ignore[arg-type]
    assert answer.status_code == 200


async def test_one_connection_carries_many_requests(toy: str) -> None:
    address = urlsplit(toy)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for _ in range(3):
        writer.write(b"GET /health HTTP/1.1\r\nHost: toy\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_goes_away_mid_stream_harms_nobody(
    http: httpx.AsyncClient, client: openai.AsyncOpenAI
) -> None:
    for _ in range(5):
        request = {"messages": MESSAGES, "stream": True}
        async with http.stream("POST", CHAT, json=request) as answer:
            assert answer.status_code == 200
            await anext(answer.aiter_bytes())
    assert await ask(client, "Still there?")


async def test_a_body_that_is_too_big_is_refused(toy: str) -> None:
    address = urlsplit(toy)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"POST /v1/completions HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 413")
    writer.close()
    await writer.wait_closed()


async def test_the_chat_script_prints_the_answer(toy: str, client: openai.AsyncOpenAI) -> None:
    command = [sys.executable, str(TOY / "chat.py"), "--endpoint", toy]
    process = await asyncio.create_subprocess_exec(
        *command, "Hi", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors
    assert output.decode().strip() == await ask(client, "Hi")


async def test_the_chat_script_holds_a_conversation(toy: str) -> None:
    command = [sys.executable, str(TOY / "chat.py"), "--endpoint", f"{toy}/v1"]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate(b"Hi\n\nAnd then?\n")
    assert process.returncode == 0
    assert output.count(b"> ") == 4


async def test_the_chat_script_says_when_nothing_answers() -> None:
    command = [sys.executable, str(TOY / "chat.py"), "--endpoint", "http://127.0.0.1:9", "Hi"]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"127.0.0.1:9" in errors


async def test_requests_are_served_at_the_same_time(http: httpx.AsyncClient) -> None:
    request = {"messages": MESSAGES, "stream": True}
    async with http.stream("POST", CHAT, json=request) as answer:
        assert (await http.get("/health")).is_success
        assert await answer.aread()
    await eventually(lambda: answer.is_closed)
