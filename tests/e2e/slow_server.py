"""A server that takes its time: seconds to start, and a while for each answer.

Environment:
    START_SECONDS: Time before it listens.
    ANSWER_SECONDS: Time for each answer but that of a readiness probe.
    STARTED: File that says, by its time of change, when it began to listen.
"""

import asyncio
import os
import time
from pathlib import Path

_ANSWER_SECONDS = float(os.environ["ANSWER_SECONDS"])


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests of one connection with the replica's id."""
    body = os.environ["SKYFLOW_REPLICA_ID"].encode()
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"GET /ready"):
                await asyncio.sleep(_ANSWER_SECONDS)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    """Start late, then serve."""
    time.sleep(float(os.environ["START_SECONDS"]))
    port = int(os.environ["SKYFLOW_REPLICA_PORT"])
    server = await asyncio.start_server(serve, "0.0.0.0", port, backlog=512)
    (Path(os.environ["STARTED"]) / os.environ["SKYFLOW_REPLICA_ID"]).touch()
    await server.serve_forever()


asyncio.run(main())
