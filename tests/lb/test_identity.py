"""What the balancer says of a request: its name, and the way that it came."""

from __future__ import annotations

import pytest

from tests.lb.plane import Plane
from tests.lb.wire import OK, answering, ask, fields, get, replica


def value(head: bytes, name: bytes) -> bytes:
    """Return the value of a field that there is exactly one of."""
    prefix = name + b": "
    (line,) = [line for line in fields(head) if line.lower().startswith(prefix)]
    return line[len(prefix) :]


async def test_a_request_without_a_name_gets_one_of_its_own(plane: Plane) -> None:
    heads: list[bytes] = []
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        got = [await ask(served.port, get()) for _ in range(3)]
    names = [value(head, b"x-request-id") for head in heads]
    assert names == [value(answer, b"x-request-id") for answer in got]
    assert len(set(names)) == 3


async def test_a_name_that_the_client_gave_is_kept(plane: Plane) -> None:
    heads: list[bytes] = []
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        got = await ask(served.port, get("/", "x-request-id: abc-1:2"))
    assert value(heads[0], b"x-request-id") == value(got, b"x-request-id") == b"abc-1:2"


@pytest.mark.parametrize("name", ["", "a b", "x" * 200, '"><script>', "\xe9"])
async def test_a_name_that_is_not_fit_for_logs_is_replaced(plane: Plane, name: str) -> None:
    heads: list[bytes] = []
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get("/", f"X-Request-ID: {name}"))
    assert value(heads[0], b"x-request-id") not in (b"", name.encode("latin-1"))


async def test_a_name_that_the_replica_gave_is_kept(plane: Plane) -> None:
    named = OK.replace(b"\r\n\r\n", b"\r\nX-Request-Id: theirs\r\n\r\n")
    async with replica(answering(named)) as upstream:
        served = await plane.serve(upstream.url)
        got = await ask(served.port, get())
    assert value(got, b"x-request-id") == b"theirs"


async def test_answers_of_the_balancer_name_the_request(plane: Plane) -> None:
    served = await plane.serve()
    got = await ask(served.port, get("/", "X-Request-ID: abc"))
    assert value(got, b"x-request-id") == b"abc"


async def test_the_client_is_appended_to_a_standard_chain(plane: Plane) -> None:
    heads: list[bytes] = []
    claims = ["Forwarded: for=10.0.0.1;by=10.0.0.2", 'Forwarded: for="[2001:db8::1]"']
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        await ask(served.port, get("/", *claims))
        await ask(served.port, get("/", 'Forwarded: for="unended'))
        await ask(served.port, get())
    claimed = b'for=10.0.0.1;by=10.0.0.2, for="[2001:db8::1]", '
    here = b'for=127.0.0.1;proto=http;host="test"'
    assert value(heads[0], b"forwarded") == claimed + here
    assert value(heads[1], b"forwarded") == here
    assert b"\r\nForwarded" not in heads[2]


async def test_what_one_head_said_is_not_said_of_the_next(plane: Plane) -> None:
    heads: list[bytes] = []
    async with replica(answering(OK, heads)) as upstream:
        served = await plane.serve(upstream.url)
        same = get("/same", "X-One: 1", close=False)
        await ask(served.port, same + same + get("/other"))
    assert [b"X-One: 1" in fields(head) for head in heads] == [True, True, False]
    assert len({value(head, b"x-request-id") for head in heads}) == 3
