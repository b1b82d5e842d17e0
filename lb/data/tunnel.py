"""Raw bytes both ways, once both sides have left HTTP."""

from __future__ import annotations

import asyncio

from lb.http.stream import Stream


async def tunnel(client: Stream, replica: Stream) -> int:
    """Carry bytes until both sides have ended; a side that breaks ends the other.

    Returns:
        Number of bytes sent to the client.
    """
    client.on_end = None
    upwards = asyncio.create_task(_carry(client, replica))
    downwards = asyncio.create_task(_carry(replica, client))
    try:
        await asyncio.gather(upwards, downwards)
    except ConnectionResetError:
        client.reset()
        replica.reset()
    finally:
        for task in (upwards, downwards):
            task.cancel()
        await asyncio.gather(upwards, downwards, return_exceptions=True)
    return downwards.result() if not downwards.cancelled() and not downwards.exception() else 0


async def _carry(source: Stream, target: Stream) -> int:
    carried = 0
    while data := await source.receive():
        await target.send(data)
        carried += len(data)
    # One side may end and still listen: the end is passed on, not made into a break.
    target.end()
    return carried
