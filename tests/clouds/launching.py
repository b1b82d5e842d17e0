"""Launches a machine from a process of its own: `python -m tests.clouds.launching`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from skyflow.clouds.base import MachineKeys, MachineRequest
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.config import Settings


async def main() -> None:
    given = json.load(sys.stdin)
    home, network = Path(given["home"]), given["network"]
    settings = Settings(home=home, local_network=network, local_outbound="none")
    keys = MachineKeys.model_validate(given["keys"])
    request = MachineRequest.model_validate(given["request"])
    machine = await LocalCloud(settings).launch(request, keys)
    sys.stdout.write(machine.model_dump_json())


if __name__ == "__main__":
    asyncio.run(main())
