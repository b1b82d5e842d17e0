"""What two requests have in common: the blocks that their prompts begin with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zlib import crc32

BLOCK_BYTES = 32
"""Length of the first blocks, about 8 tokens: half of what engines keep or drop as one."""
GROWTH = 4
"""Later blocks are a quarter of all that is before them: 16 KiB are 25 blocks to look up and not
512, and still no replica is taken for one that knows a prompt if it knows less than four fifths of
what it could."""
LONGEST = 64 * 1024
"""Longest content that is told apart, in bytes."""

_PROMPT = re.compile(rb'"(?:system|instructions|messages|prompt|inputs?|contents)"\s*:')
"""Keys of requests to the APIs of OpenAI, Anthropic, Google, vLLM, SGLang and TGI with which what
the model reads begins. Quotes within a text are escaped, so no text looks like one."""


def prompt(content: bytes) -> bytes:
    """Return the content from its prompt on; all of it if none can be made out.

    Clients write the keys of a request in any order, and before the prompt there may be a model,
    a temperature or a seed. These say nothing of what a replica has computed before, and two
    requests that differ in them would have no first block in common.
    """
    found = _PROMPT.search(content)
    return content[found.start() :] if found else content


def blocks(content: bytes) -> list[int]:
    """Return a number for each beginning of a content that is worth knowing, the shortest first.

    Two contents have a number in common if they begin alike up to there, and otherwise but once in
    2**32. What is left after the last whole block counts only if there is no whole one.
    """
    found: list[int] = []
    start, checksum, length = 0, 0, len(content)
    for end in _ENDS:
        if end > length:
            break
        checksum = crc32(content[start:end], checksum)
        found.append(checksum)
        start = end
    return found or [crc32(content)]


def _ends() -> Iterator[int]:
    end = BLOCK_BYTES
    while end <= LONGEST:
        yield end
        end += max(BLOCK_BYTES, end // GROWTH)


_ENDS = tuple(_ends())
