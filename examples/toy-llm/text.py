"""Text that looks like an answer: made up, but always the same for the same prompt."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

_SENTENCE = (
    "a replica answers when its probe succeeds and the balancer sends it the next request while "
    "another machine starts in the cheapest zone that has capacity so the endpoint keeps serving "
    "tokens to every client even if one server stops because the work moves on"
)
_WORDS = _SENTENCE.split()
_SHORTEST, _LONGEST = 24, 48
"""Length of an answer in tokens, if nothing cuts it short."""


def count_tokens(text: str) -> int:
    """Return how many tokens a text has: here, words."""
    return len(text.split())


def answer(prompt: str, limit: int | None) -> tuple[list[str], str]:
    """Return the tokens of the answer to a prompt, and why it ends: `stop` or `length`."""
    seed = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()
    source = random.Random(seed)
    length = source.randint(_SHORTEST, _LONGEST)
    kept = length if limit is None else min(length, limit)
    tokens = list(_tokens(source, length))[:kept]
    return tokens, "stop" if kept == length else "length"


def _tokens(source: random.Random, length: int) -> Iterator[str]:
    for at in range(length):
        word = source.choice(_WORDS)
        word = word.capitalize() if at == 0 else f" {word}"
        yield word + ("." if at == length - 1 else "")
