from __future__ import annotations

import pytest

from lb.http.bodies import request_body
from lb.http.heads import BadHead, parse_request, parse_response

REFUSED = {
    "both framings": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 5\r\n",
    "a list of lengths": b"Content-Length: 5, 5\r\n",
    "a signed length": b"Content-Length: +5\r\n",
    "a length that is no number": b"Content-Length: 0x5\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n",
    "a folded header": b"X-One: 1\r\n 2\r\n",
    "another coding": b"Transfer-Encoding: gzip, chunked\r\n",
    "a coding twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "a coding with a trick": b"Transfer-Encoding: \x0bchunked\r\n",
    "a second Host": b"Host: b\r\n",
    "a bare CR": b"X-One: 1\rX-Two: 2\r\n",
    "a NUL": b"X-One: \x00\r\n",
    "a header without a name": b": 1\r\n",
    "a line without a colon": b"X-One\r\n",
}


@pytest.mark.parametrize("lines", REFUSED.values(), ids=REFUSED.keys())
def test_ambiguous_heads_are_refused(lines: bytes) -> None:
    with pytest.raises(BadHead):
        request_body(parse_request(b"POST / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n"))


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/2.0",
        b"GET  / HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET a HTTP/1.1",
        b"GET / http/1.1",
        b"G@T / HTTP/1.1",
        b"CONNECT a:1 HTTP/1.1",
        b"GET http://b/ HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET /",
    ],
)
def test_invalid_request_lines_are_refused(line: bytes) -> None:
    with pytest.raises(BadHead):
        parse_request(line + b"\r\nHost: a\r\n\r\n")


def test_a_request_of_http_1_1_needs_a_host() -> None:
    with pytest.raises(BadHead):
        parse_request(b"GET / HTTP/1.1\r\n\r\n")
    assert parse_request(b"GET / HTTP/1.0\r\n\r\n").minor == 0


def test_an_absolute_target_of_the_same_host_is_read_as_its_path() -> None:
    head = parse_request(b"GET HTTP://A:80?x=1 HTTP/1.1\r\nHost: a:80\r\n\r\n")
    assert head.target == b"/?x=1"


def test_a_response_needs_no_reason() -> None:
    head = parse_response(b"HTTP/1.1 299\r\nX: \xe9 \r\n\r\n")
    assert (head.status, head.reason, head.fields) == (299, b"", ((b"X", b"\xe9"),))


def test_http_2_is_not_offered_behind_an_upgrade() -> None:
    lines = b"Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert parse_request(b"GET / HTTP/1.1\r\n" + lines).upgrade is None


def test_long_heads_are_read_in_linear_time() -> None:
    spaces = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b" " * 60_000 + b"\x00\r\n\r\n"
    with pytest.raises(BadHead):
        parse_request(spaces)
