from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lb.http.bodies import BadFraming, Body, ChunkedBody, LengthBody

MESSAGE = b"5;name=value\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"


def feed(body: Body, parts: list[bytes]) -> tuple[bytes, int, bytes]:
    """Return what is passed on, the length of the content, and what follows the body."""
    passed = rest = b""
    for part in parts:
        if body.done:
            rest += part
        else:
            passed += body.feed(part)
            rest += body.rest
    return passed, body.content, rest


@given(st.lists(st.integers(0, len(MESSAGE) + 4), max_size=8))
def test_a_chunked_body_ends_at_the_same_byte_however_it_is_cut(cuts: list[int]) -> None:
    data = MESSAGE + b"GET "
    edges = [0, *sorted(cuts), len(data)]
    parts = [data[start:end] for start, end in pairwise(edges)]
    body = ChunkedBody()
    assert feed(body, parts) == (MESSAGE, 15, b"GET ")
    assert body.done
    assert feed(ChunkedBody(bare=True), parts) == (b"hello0123456789", 15, b"GET ")


@pytest.mark.parametrize(
    "data",
    [
        b"g\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x5\r\n",
        b"5 \r\n",
        b"5\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"5\r\nhelloX\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"1" * 16 + b"\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\nX : 1\r\n\r\n",
        b"5;" + b"a" * 5000,
    ],
)
def test_bad_chunks_are_refused(data: bytes) -> None:
    with pytest.raises(BadFraming):
        ChunkedBody().feed(data)


def test_an_unfinished_line_is_not_passed_on() -> None:
    assert ChunkedBody().feed(b"5;x=1") == b""


def test_a_body_of_known_length_leaves_what_follows() -> None:
    body = LengthBody(3)
    assert feed(body, [b"ab", b"cde"]) == (b"abc", 3, b"de")


@pytest.mark.parametrize("size", [1, 15, 16, 255, 256, 2040, 2041, 4096])
def test_a_whole_chunk_is_taken_for_what_it_is(size: int) -> None:
    chunk = b"%x\r\n%b\r\n" % (size, b"x" * size)
    body = ChunkedBody()
    assert feed(body, [chunk, chunk.upper(), b"0\r\n\r\n"]) == (
        chunk + chunk.upper() + b"0\r\n\r\n",
        2 * size,
        b"",
    )
    assert body.done


@pytest.mark.parametrize("size", [*range(2, 30), *range(255, 270)])
@pytest.mark.parametrize("first", [b"x", b"\0", b"\r\n"])
def test_what_only_ends_like_a_chunk_is_refused(size: int, first: bytes) -> None:
    data = first + b"y" * (size - len(first) - 2) + b"\r\n"
    with pytest.raises(BadFraming):
        feed(ChunkedBody(), [data, b"\n"])
