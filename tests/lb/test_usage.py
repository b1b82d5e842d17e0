from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lb.data.usage import tokens_used

USAGE = '"usage": {"prompt_tokens": 7, "completion_tokens": 5, "details": {"cached": 1}}'
BODY = f'{{"id": "x", "choices": [{{"text": "é"}}], {USAGE}}}'.encode()
STREAM = (
    b'data: {"choices":[],"usage":null}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n'
    b"data: [DONE]\n\n"
)


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@given(st.sampled_from([BODY, STREAM]), st.integers(1, 60), st.integers(1, 60))
def test_tokens_are_found_however_an_answer_is_split(body: bytes, size: int, cut: int) -> None:
    raw = chunked(body, size)
    pieces = [raw[at : at + cut] for at in range(0, len(raw), cut)]
    assert tokens_used(pieces, framed=True) == (7, 5)
    assert tokens_used([body], framed=False) == (7, 5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"usage": null}',
        b'{"usage": {"prompt_tokens": 7, "completion',
        b'{"usage": {"prompt_tokens": "7", "completion_tokens": 5}}',
        b'{"usage": {"prompt_tokens": true, "completion_tokens": 5}}',
        b'{"usage": {"prompt_tokens": -7, "completion_tokens": 5}}',
        b'{"usage": {"prompt_tokens": 1e99, "completion_tokens": 5}}',
        b'{"usage": {"disk": 5}}',
        b"\x1f\x8b\x08\x00usage\xff\xfe",
        b'{"usage":' * 2000,
        b'{"usage":{"a":' * 2000,
        json.dumps({"text": '"usage": {"prompt_tokens": 1, "completion_tokens": 1}'}).encode(),
    ],
)
def test_what_is_no_usage_counts_nothing(body: bytes) -> None:
    assert tokens_used([body], framed=False) is None


def test_answers_in_the_newer_form_count_too() -> None:
    assert tokens_used([b'{"usage":{"input_tokens":3,"output_tokens":4}}'], framed=False) == (3, 4)


def test_embeddings_have_a_prompt_only() -> None:
    assert tokens_used([b'{"usage":{"prompt_tokens":3,"total_tokens":3}}'], framed=False) == (3, 0)


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_do_harm(data: bytes, framed: bool) -> None:
    tokens_used([b'{"usage":{', data], framed=framed)
