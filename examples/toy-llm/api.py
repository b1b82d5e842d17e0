"""The part of OpenAI's API that the toy server speaks: requests in, answers and chunks out."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from text import answer, count_tokens

MAX_TOKENS = 4096
"""Most tokens that a request may ask for."""


class ApiError(Exception):
    """A request that is answered with an error, in OpenAI's format."""

    def __init__(self, status: int, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        kind = "invalid_request_error" if status < 500 else "server_error"
        error = {"message": message, "type": kind, "param": parameter, "code": None}
        self.body = {"error": error}


@dataclass(frozen=True)
class Generation:
    """One request for text and the answer to it."""

    model: str
    chat: bool
    """Whether it is a chat completion, and not a plain one."""
    stream: bool
    include_usage: bool
    prompt: str
    tokens: list[str]
    finish_reason: str

    def body(self) -> dict[str, Any]:
        """Return the whole answer."""
        text = "".join(self.tokens)
        piece = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
        head = self._head("chat.completion" if self.chat else "text_completion")
        return {
            **head,
            "choices": [self._choice(piece, self.finish_reason)],
            "usage": self._usage(),
        }

    def chunks(self) -> Iterator[tuple[bool, dict[str, Any]]]:
        """Return the answer in pieces, each with whether a token is in it."""
        head = self._head("chat.completion.chunk" if self.chat else "text_completion")
        if self.include_usage:
            head["usage"] = None
        if self.chat:
            start = {"delta": {"role": "assistant", "content": ""}}
            yield False, {**head, "choices": [self._choice(start, None)]}
        for token in self.tokens:
            piece = {"delta": {"content": token}} if self.chat else {"text": token}
            yield True, {**head, "choices": [self._choice(piece, None)]}
        end: dict[str, Any] = {"delta": {}} if self.chat else {"text": ""}
        yield False, {**head, "choices": [self._choice(end, self.finish_reason)]}
        if self.include_usage:
            yield False, {**head, "choices": [], "usage": self._usage()}

    def _head(self, kind: str) -> dict[str, Any]:
        prefix = "chatcmpl" if self.chat else "cmpl"
        name = f"{prefix}-{uuid.uuid4().hex}"
        return {"id": name, "object": kind, "created": int(time.time()), "model": self.model}

    def _choice(self, piece: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
        return {"index": 0, **piece, "logprobs": None, "finish_reason": finish_reason}

    def _usage(self) -> dict[str, int]:
        asked, made = count_tokens(self.prompt), len(self.tokens)
        return {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": asked + made}


def read_generation(content: bytes, model: str, chat: bool) -> Generation:
    """Return what a request asks for.

    Raises:
        ApiError: It is not valid, or asks for another model.

    """
    request = _read_object(content)
    if request.get("model", model) != model:
        raise ApiError(404, f"The model {request['model']!r} does not exist.", "model")
    if request.get("n") not in (None, 1):
        raise ApiError(400, "Only one answer can be made: 'n' must be 1.", "n")
    prompt = _read_messages(request.get("messages")) if chat else _read_prompt(request)
    tokens, finish_reason = answer(prompt, _read_limit(request))
    options = request.get("stream_options") or {}
    if not isinstance(options, dict):
        raise ApiError(400, "'stream_options' must be an object.", "stream_options")
    return Generation(
        model=model,
        chat=chat,
        stream=_read_flag(request, "stream"),
        include_usage=_read_flag(options, "include_usage"),
        prompt=prompt,
        tokens=tokens,
        finish_reason=finish_reason,
    )


def _read_object(content: bytes) -> dict[str, Any]:
    try:
        request = json.loads(content)
    except (ValueError, RecursionError):
        raise ApiError(400, "The body is not valid JSON.") from None
    if not isinstance(request, dict):
        raise ApiError(400, "The body must be a JSON object.")
    return request


def _read_messages(messages: Any) -> str:
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "'messages' must be a list with at least one message.", "messages")
    return "\n".join(_read_message(message, at) for at, message in enumerate(messages))


def _read_message(message: Any, at: int) -> str:
    place = f"messages[{at}]"
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise ApiError(400, f"'{place}' must be an object with a 'role'.", place)
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content or ""}]
    texts = [part.get("text") for part in parts if isinstance(part, dict) and "text" in part]
    if not all(isinstance(text, str) for text in texts):
        raise ApiError(400, f"'{place}.content' must be text.", f"{place}.content")
    return f"{message['role']}: {' '.join(texts)}"


def _read_prompt(request: dict[str, Any]) -> str:
    prompt = request.get("prompt")
    parts = prompt if isinstance(prompt, list) else [prompt]
    if len(parts) != 1 or not isinstance(parts[0], str):
        raise ApiError(400, "'prompt' must be one text.", "prompt")
    return str(parts[0])


def _read_limit(request: dict[str, Any]) -> int | None:
    name = "max_completion_tokens" if "max_completion_tokens" in request else "max_tokens"
    limit = request.get(name)
    if limit is None:
        return None
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_TOKENS:
        raise ApiError(400, f"'{name}' must be a number from 1 to {MAX_TOKENS}.", name)
    return limit


def _read_flag(values: dict[str, Any], name: str) -> bool:
    value = values.get(name)
    if value is not None and not isinstance(value, bool):
        raise ApiError(400, f"'{name}' must be true or false.", name)
    return bool(value)
