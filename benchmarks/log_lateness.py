"""How much of its log a machine that vanishes takes with it: `python -m benchmarks.log_lateness`.

Kills a local machine whose `run` writes, some times for each way of writing, while a worker stores
its log; prints the time between the last stored piece and the kill.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from pathlib import Path

from skyflow.clouds.local.mode import own_network_problem
from skyflow.config import LocalNetwork, Settings
from tests.logs.replica import TalkingReplica, numbered
from tests.waiting import eventually

ROUNDS = 5
SECONDS = 3
CAUGHT_UP_BYTES = 10_000_000
WAYS = {
    "a line every 20 ms": "0.02 1 newline 40",
    "no line ends": "0.02 1 , 40",
    "5 MB/s": "0.02 100 newline 1000",
    "20 MB/s": "0.02 400 newline 1000",
}


async def main() -> None:
    for name, how in WAYS.items():
        late = [await _lateness(how) for _ in range(ROUNDS)]
        print(f"{name:20} median {statistics.median(late):.2f} s, most {max(late):.2f} s")


async def _lateness(how: str) -> float:
    network: LocalNetwork = "shared" if own_network_problem() else "own"
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home) / "home", local_network=network)
        replica = await TalkingReplica.start(settings, Path(home) / "service.yaml", how)
        try:
            shipper = await replica.ship()
            await eventually(replica.stored, 60, "something is stored")
            await eventually(lambda: _caught_up(replica), 60, "all but the last is stored")
            await asyncio.sleep(SECONDS)
            end = replica.vanish()
            await shipper.wait()
            return end - numbered(await replica.stored())[-1][1]
        finally:
            await replica.end()


async def _caught_up(replica: TalkingReplica) -> bool:
    return await replica.behind() < CAUGHT_UP_BYTES


if __name__ == "__main__":
    asyncio.run(main())
