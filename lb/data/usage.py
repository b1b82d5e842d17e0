"""How many tokens an answer says that it took: the `usage` object of OpenAI's interface."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_KEY = b'"usage"'
_OBJECT = re.compile(rb"\s*:\s*(?=\{)")
_USUAL = re.compile(
    rb'(?<!\\)"usage": ?\{"prompt_tokens": ?(\d{1,9}), ?(?:"total_tokens": ?\d{1,9}, ?)?'
    rb'"completion_tokens": ?(\d{1,9})[,}]'
)
"""What OpenAI and vLLM write, which needs no parser."""
_CHUNK_HEAD = re.compile(rb"\r\n[0-9A-Fa-f]{1,8}(?:;[^\r\n]*)?\r\n")
"""What chunked framing puts between two pieces of a body; JSON and events have no such lines."""
_LARGEST = 1_000_000_000
"""More tokens than any answer takes: what claims to is not believed."""
_LOOKED_AT = 8
"""Keys that are looked at, from the end: what belongs to none of them is no such answer."""
_DECODER = json.JSONDecoder()


Tokens = tuple[int, int]
"""Tokens that one answer took: of the prompt, and those made."""


def tokens_used(tail: Sequence[bytes], *, framed: bool) -> Tokens | None:
    """Return the tokens that the end of an answer tells of; None if it does not.

    The last of several such objects counts: a stream that tells as it goes counts up. Compressed
    answers tell nothing.

    Args:
        tail: The last pieces of the answer as they came.
        framed: Whether the framing of chunks is among them.
    """
    data = tail[0] if len(tail) == 1 else b"".join(tail)
    if framed:
        # Chunks may split the key, or the object.
        data = _CHUNK_HEAD.sub(b"", data)
    at = data.rfind(_KEY)
    if at < 0:
        return None
    if usual := _USUAL.match(data, at):
        return int(usual[1]), int(usual[2])
    return _search(data)


def _search(data: bytes) -> Tokens | None:
    at = len(data)
    for _ in range(_LOOKED_AT):
        at = data.rfind(_KEY, 0, at)
        if at < 0:
            return None
        if used := _usage(data, at):
            return used
    return None


def _usage(data: bytes, at: int) -> Tokens | None:
    # In a text that somebody wrote, the quotes of the key have backslashes.
    if data[at - 1 : at] == b"\\":
        return None
    colon = _OBJECT.match(data, at + len(_KEY))
    if not colon:
        return None
    try:
        value, _ = _DECODER.raw_decode(data[colon.end() :].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return _read(value)


def _read(usage: Mapping[str, Any]) -> Tokens | None:
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    completion = usage.get("completion_tokens", usage.get("output_tokens", 0))
    if not _is_count(prompt) or not _is_count(completion):
        return None
    return prompt, completion


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST
