from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lb.data.policies.blocks import BLOCK_BYTES, blocks, prompt


@given(st.binary(min_size=BLOCK_BYTES, max_size=3000), st.binary(max_size=500))
def test_what_goes_on_longer_begins_with_the_same_blocks(content: bytes, more: bytes) -> None:
    shorter, longer = blocks(content), blocks(content + more)
    assert longer[: len(shorter)] == shorter


@given(st.binary(min_size=2000, max_size=2000), st.integers(0, 1999))
def test_blocks_differ_from_the_first_difference_on(content: bytes, at: int) -> None:
    other = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    alike = sum(mine == its for mine, its in zip(blocks(content), blocks(other), strict=True))
    known = alike and len(content[:at])
    assert set(blocks(content)[alike:]).isdisjoint(blocks(other)[alike:])
    assert not known or blocks(content)[:alike] == blocks(content[: max(at, BLOCK_BYTES)])


def test_little_content_is_one_block() -> None:
    assert len(blocks(b"hi")) == 1
    assert blocks(b"hi") != blocks(b"ho")


def test_long_content_is_few_blocks() -> None:
    assert len(blocks(bytes(16 * 1024))) == 25
    assert len(blocks(bytes(1024 * 1024))) < 40


@pytest.mark.parametrize(
    ("body", "begins"),
    [
        (b'{"model": "m", "messages": [1]}', b'"messages": [1]'),
        (b'{"seed":5,"prompt":"x"}', b'"prompt":"x"'),
        (b'{"max_tokens": 9, "system": "s", "messages": []}', b'"system": "s"'),
        (b'{"model": "m", "input" : ["a"]}', b'"input" : ["a"]'),
        (b"not json", b"not json"),
        (b'{"text": "x"}', b'{"text": "x"}'),
    ],
)
def test_a_prompt_begins_with_its_key(body: bytes, begins: bytes) -> None:
    assert prompt(body).startswith(begins)


@given(st.text(max_size=50))
def test_no_text_is_taken_for_a_key(text: str) -> None:
    body = json.dumps({"user": text + '"messages": [] "prompt":', "messages": ["real"]}).encode()
    assert prompt(body).startswith(b'"messages": ["real"]')
