"""What a request asks of a replica, and how long that takes.

A replica answers up to `SLOTS` requests at once, each as fast as if it were alone: the batch is as
large as its speed is still good, which is what `max_concurrency` is for.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

SLOTS = 8
"""Requests at once on a replica (`max_concurrency`)."""
PROMPT_TOKENS_PER_SECOND = 8000
"""How fast a prompt is read: until then there is no first byte."""
SECONDS_PER_TOKEN = 0.05
"""Time for each generated token: 20 a second, about four times as fast as people read."""

# Medians and means of the Azure LLM inference trace of 2023 (conversations), for built-in traces:
# 1,020 and 1,155 tokens of prompts, 129 and 211 generated ones, at most 14,050 and 1,000.
_PROMPT = (1020, 0.5, 14050)
_GENERATED = (129, 1.0, 1000)


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    at: float
    """When it comes (seconds from the start of the trace)."""
    prompt_seconds: float
    """From its start on a replica to its first byte."""
    seconds: float
    """From its start on a replica to the end of its answer."""


def request(at: float, prompt_tokens: int, generated_tokens: int) -> Request:
    """Return a request of so many tokens."""
    prompt_seconds = prompt_tokens / PROMPT_TOKENS_PER_SECOND
    return Request(at, prompt_seconds, prompt_seconds + generated_tokens * SECONDS_PER_TOKEN)


def drawn(at: float, chance: random.Random) -> Request:
    """Return a request of as many tokens as those of the Azure trace have, about."""
    return request(at, _tokens(_PROMPT, chance), _tokens(_GENERATED, chance))


def _tokens(size: tuple[int, float, int], chance: random.Random) -> int:
    median, spread, most = size
    return max(1, min(most, round(median * chance.lognormvariate(0, spread))))
