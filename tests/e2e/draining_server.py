"""A server whose streams and connections last as long as a test wants: standard library only.

Paths:
    /stream: one line after the other until the file `$GATE` exists.
    /tunnel: with `Upgrade: echo`, whatever comes goes back.
    all others: which replica it is.

Environment:
    GATE: The file; what signals came is written to files beside it, one for each replica.
    STUBBORN: If set, SIGTERM is noted and not followed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio import StreamReader, StreamWriter
from pathlib import Path

GATE = Path(os.environ["GATE"])
NAME = os.environ["SKYFLOW_REPLICA_ID"]
_tasks: set[asyncio.Task[None]] = set()


async def answer(reader: StreamReader, writer: StreamWriter) -> None:
    task = asyncio.current_task()
    assert task
    _tasks.add(task)
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if b" /stream " in head:
            await stream(writer)
        elif b" /tunnel " in head:
            await tunnel(reader, writer)
        else:
            body = NAME.encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body))
            writer.write(b"Connection: close\r\n\r\n" + body)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        _tasks.discard(task)
        writer.close()


async def stream(writer: StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not GATE.exists():
        line = f"{NAME}\n".encode()
        writer.write(b"%x\r\n%b\r\n" % (len(line), line))
        await writer.drain()
        await asyncio.sleep(0.05)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def tunnel(reader: StreamReader, writer: StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
    )
    writer.write(f"{NAME}\n".encode())
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()


async def main() -> None:
    stop = asyncio.Event()

    def terminate() -> None:
        GATE.with_name(f"terminated-{NAME}").touch()
        if "STUBBORN" not in os.environ:
            stop.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
    await asyncio.start_server(answer, "0.0.0.0", int(os.environ["SKYFLOW_REPLICA_PORT"]))
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
