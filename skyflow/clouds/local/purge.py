"""Ending everything that an installation has on this computer in the way of machines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence

from skyflow.clouds.local import ending, marks
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.local.directory import names_in
from skyflow.config import Settings
from skyflow.errors import CloudError
from skyflow.naming import parse_machine_name


def machines_here(settings: Settings) -> Sequence[str]:
    """Return the names of an installation's machines; a stranger's directory is none."""
    return [name for name in names_in(settings.machines) if parse_machine_name(name)]


async def end_machines(settings: Settings) -> int:
    """End all machines with everything in them; return how many there were.

    Nothing of them is left: no process, file, network interface or rule of the kernel, but for the
    rules that machines of other installations use.

    Raises:
        CloudError: Some processes cannot be ended.

    """
    names = machines_here(settings)
    await LocalCloud(settings).terminate(names, "")
    # Those whose directory was removed by hand.
    strays = await asyncio.to_thread(
        ending.end_all, lambda: marks.processes_of_all(settings.machines)
    )
    if not strays:
        raise CloudError(
            "processes of machines do not end although they were killed",
            "look for processes in uninterruptible sleep, such as on a lost file system",
        )
    if sys.platform == "linux" and os.geteuid() == 0:
        await asyncio.to_thread(_leave_kernel)
    return len(names)


def _leave_kernel() -> None:
    from pyroute2.netlink.exceptions import NetlinkError

    from skyflow.clouds.local import network

    # Where the kernel forbids even to look, nothing can have been made.
    with contextlib.suppress(NetlinkError, OSError):
        network.leave_computer()
