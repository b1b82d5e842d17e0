"""What a cloud announces to a machine alone."""

from __future__ import annotations

import shlex

from skyflow.clouds.base import Machine
from skyflow.errors import ConnectionFailed
from skyflow.remote.ssh import connect
from skyflow.storage.keyring import Keyring

_LONGEST = 1000
"""Most characters of a notice."""


async def notice_on(machine: Machine, script: str, keyring: Keyring) -> str:
    """Wait until a script on a machine prints what the machine's cloud announces there.

    Args:
        machine: Where it runs.
        script: Prints the notice at once when there is one, and ends when its stdin does.
        keyring: The keys to log in with.

    Raises:
        ConnectionFailed: No SSH connection, it was lost, or the script ended without a notice.

    """
    async with connect(machine, keyring) as connection:
        # Its stdin stays open: a script whose listener is gone has nobody else to tell it.
        command = f"bash -c {shlex.quote(script)}"
        async with await connection.create_process(command) as process:
            notice = str(await process.stdout.read(_LONGEST)).strip()
    if not notice:
        raise ConnectionFailed(f"{machine.name}: notices can no longer be read on the machine")
    return notice
