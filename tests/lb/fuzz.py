"""Random messages, and h11 as the judge of what they are: it reads what went in and what came out.

`python -m tests.lb.fuzz SEED CASES` tries as many cases as one likes on a data plane of its own.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import h11

from lb.control.data_plane import DataPlane
from skyflow.config import Settings
from tests.lb.plane import Plane, process
from tests.lb.plane import answering as api_answers
from tests.lb.wire import fields, replica

_QUIET_SECONDS = 0.2
"""How long a connection is listened to that may wait for more of a broken message."""
_METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"X-Ray")
_PIECES = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"0",
    b"5",
    b"0\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding: x, chunked\r\n",
    b"Host: other\r\n",
    b" folded\r\n",
    b"GET /inner HTTP/1.1\r\nHost: inner\r\n\r\n",
)


@dataclass(frozen=True)
class Seen:
    """A message as h11 reads it."""

    first: bytes
    """Method and target of a request, or status of a response."""
    body: bytes


def random_body(dice: random.Random) -> bytes:
    inner = b"GET /inner HTTP/1.1\r\nHost: inner\r\n\r\n"
    return inner if dice.random() < 0.3 else dice.randbytes(dice.randrange(60))


def framed(dice: random.Random, body: bytes) -> tuple[bytes, bytes]:
    """Return header lines and bytes of a body in one of the framings."""
    if dice.random() < 0.5:
        return b"Content-Length: %d\r\n" % len(body), body
    chunks = []
    while body:
        size = dice.randint(1, len(body))
        extension = b";a=b" if dice.random() < 0.2 else b""
        chunks.append(b"%x%b\r\n%b\r\n" % (size, extension, body[:size]))
        body = body[size:]
    trailer = b"X-Sum: 1\r\n" if dice.random() < 0.2 else b""
    return b"Transfer-Encoding: chunked\r\n", b"".join(chunks) + b"0\r\n" + trailer + b"\r\n"


def random_requests(dice: random.Random) -> bytes:
    """Return valid requests, of which the last one ends the connection."""
    count = dice.randint(1, 4)
    requests = []
    for number in range(count):
        method = dice.choice(_METHODS)
        lines, body = framed(dice, random_body(dice)) if dice.random() < 0.7 else (b"", b"")
        close = b"Connection: close\r\n" if number == count - 1 else b""
        target = b"/%d?%d" % (number, dice.randrange(10**6))
        head = method + b" " + target + b" HTTP/1.1\r\nHost: test\r\n" + lines + close
        requests.append(head + b"\r\n" + body)
    return b"".join(requests)


def random_response(dice: random.Random) -> bytes:
    """Return a valid response, perhaps after interim ones."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" if dice.random() < 0.2 else b""
    body = random_body(dice)
    lines, content = framed(dice, body) if dice.random() < 0.8 else (b"", body)
    status = dice.choice((b"200 OK", b"404 Not Found", b"500 Oh", b"299 "))
    return interim + b"HTTP/1.1 " + status + b"\r\n" + lines + b"\r\n" + content


def broken(dice: random.Random, data: bytes) -> bytes:
    """Return the bytes with some changed, left out, put in or sent twice."""
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data) + 1)
        until = min(len(data), at + dice.randint(1, 8))
        change = dice.randrange(4)
        if change == 0:
            data = data[:at] + dice.choice(_PIECES) + data[at:]
        elif change == 1:
            data = data[:at] + data[until:]
        elif change == 2:
            data = data[:at] + data[at:until] + data[at:]
        else:
            data = data[:at] + bytes([dice.randrange(128)]) + data[at + 1 :]
    return data


def cut_up(dice: random.Random, data: bytes) -> list[bytes]:
    """Return the bytes in parts."""
    edges = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randint(0, 4)))
    return [data[a:b] for a, b in zip([0, *edges], [*edges, len(data)], strict=True) if a < b]


def requests_in(data: bytes) -> list[Seen]:
    """Return the whole requests that h11 reads from bytes, up to the first that it refuses."""
    found: list[Seen] = []
    while True:
        # Empty lines before a request are to be ignored, which h11 does not.
        while data.startswith(b"\r\n"):
            data = data[2:]
        judge = h11.Connection(h11.SERVER)
        judge.receive_data(data)
        try:
            seen = _next_request(judge)
        except h11.RemoteProtocolError:
            return found
        if seen is None:
            return found
        found.append(seen)
        if judge.their_state is not h11.DONE:
            return found
        data = judge.trailing_data[0]


def response_in(data: bytes, method: bytes = b"GET") -> Seen | None:
    """Return the response that h11 reads from a whole connection; None if it is cut."""
    judge = h11.Connection(h11.CLIENT)
    judge.send(h11.Request(method=method, target="/", headers=[("Host", "test")]))
    judge.send(h11.EndOfMessage())
    status, body = b"", b""
    try:
        judge.receive_data(data)
        judge.receive_data(b"")
        while True:
            event = judge.next_event()
            if isinstance(event, h11.Response):
                status = b"%d" % event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return Seen(status, body)
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.RemoteProtocolError:
        return None


class Judge:
    """A replica that reads with h11, keeps what it read, and answers."""

    def __init__(self) -> None:
        self.seen: dict[str, list[Seen]] = {}
        """Requests by the address of the client."""
        self.refused: list[str] = []

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        judge = h11.Connection(h11.SERVER)
        client, first, body = "", b"", b""
        while True:
            try:
                event = judge.next_event()
            except h11.RemoteProtocolError as error:
                # An end within a request is the balancer's way to say that its client is gone.
                if "closed connection" not in str(error):
                    self.refused.append(str(error))
                return
            if event is h11.NEED_DATA:
                judge.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Request):
                client = _client_of(dict(event.headers)[b"x-forwarded-for"])
                first, body = _first(event), b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self.seen.setdefault(client, []).append(Seen(first, body))
                answer = h11.Response(status_code=200, headers=[("Content-Length", "0")])
                writer.write((judge.send(answer) or b"") + (judge.send(h11.EndOfMessage()) or b""))
                judge.start_next_cycle()
            else:
                return


class Script:
    """A replica that answers each client what was prepared for it, and then hangs up."""

    def __init__(self) -> None:
        self.answers: dict[str, list[bytes]] = {}

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        way = next(line for line in fields(head) if line.startswith(b"X-Forwarded-For:"))
        for part in self.answers.pop(_client_of(way)):
            writer.write(part)
            await asyncio.sleep(0)


async def try_requests(port: int, judge: Judge, client: str, dice: random.Random) -> None:
    """Send requests from an address of their own; none may be taken for another."""
    data = random_requests(dice)
    valid = dice.random() < 0.3
    if not valid:
        data = broken(dice, data)
    await _exchange(port, client, cut_up(dice, data), patient=valid)
    expected, seen = requests_in(data), judge.seen.pop(client, [])
    assert seen == expected[: len(seen)], (data, seen, expected)
    assert not valid or seen == expected, (data, seen, expected)


async def try_response(port: int, script: Script, client: str, dice: random.Random) -> None:
    """Have a response passed on; one that is not whole must not look as if it were."""
    data = random_response(dice)
    valid = dice.random() < 0.3
    if not valid:
        data = broken(dice, data)
    script.answers[client] = cut_up(dice, data)
    request = b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    got = await _exchange(port, client, [request], patient=True)
    expected, seen = response_in(data), response_in(got)
    refused = seen is not None and seen.first == b"502"
    assert seen is None or refused or seen == expected, (data, got)
    assert not valid or seen == expected, (data, got)


def address(number: int) -> str:
    """Return an address of this computer."""
    return f"127.1.{number // 250 % 250}.{number % 250 + 1}"


async def _exchange(port: int, client: str, parts: list[bytes], patient: bool) -> bytes:
    """Send bytes and return what comes until the end, or until nothing seems to come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(client, 0))
    got = b""
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            while part := await _read(reader, None if patient else _QUIET_SECONDS):
                got += part
    except ConnectionError:
        pass
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return got


async def _read(reader: StreamReader, seconds: float | None) -> bytes:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await reader.read(65536)
    return b""


def _client_of(way: bytes) -> str:
    """Return the address that the balancer appended to X-Forwarded-For."""
    return way.rpartition(b" ")[2].decode()


def _next_request(judge: h11.Connection) -> Seen | None:
    first, body = b"", b""
    while True:
        event = judge.next_event()
        if isinstance(event, h11.Request):
            first = _first(event)
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return Seen(first, body)
        else:
            return None


def _first(request: h11.Request) -> bytes:
    return request.method + b" " + request.target


async def many(plane: Plane, seed: int, cases: int) -> None:
    """Try a number of cases, some at once."""
    judge, script, limit = Judge(), Script(), asyncio.Semaphore(20)
    async with replica(judge) as asked, replica(script) as answering:
        requests = await plane.serve(asked.url)
        responses = await plane.serve(answering.url, retry="none")

        async def one(number: int) -> None:
            dice = random.Random(seed * 1_000_000 + number)
            async with limit:
                if number % 2:
                    await try_requests(requests.port, judge, address(number), dice)
                else:
                    await try_response(responses.port, script, address(number), dice)

        await asyncio.gather(*(one(number) for number in range(cases)))
        assert judge.refused == []


async def _main(seed: int, cases: int) -> None:
    with tempfile.TemporaryDirectory(prefix="lb", dir="/tmp") as home:
        async with DataPlane(Settings(home=Path(home))) as api:
            with process(Path(home), "data") as running:
                await api_answers(api)
                await many(Plane(api, Path(home)), seed, cases)
                assert running.poll() is None
    sys.stdout.write(f"{cases} cases of seed {seed} hold\n")


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
