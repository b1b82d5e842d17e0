"""Starting and ending the process that is a machine."""

from __future__ import annotations

import asyncio
import socket
import sys
import time

import psutil

from skyflow.clouds.local import ending, marks
from skyflow.clouds.local.directory import MachineDirectory, Plan
from skyflow.clouds.local.processes import marked_environment
from skyflow.errors import CloudError

_GRACE_SECONDS = 2
"""Time in which a machine with processes of its own to end may do so before it is killed."""
_INTERFACE_SECONDS = 5
"""Longest wait for the kernel to clear away the network of a machine that has ended."""


async def start(directory: MachineDirectory, plan: Plan) -> None:
    """Start a machine's process and wait until SSH answers.

    If another process is starting the same machine, wait for that one instead.

    Raises:
        CloudError: It did not start; with the last lines of its log.

    """
    process = await _spawn(directory)
    try:
        await process.communicate(plan.to_json())
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise launch_failure(directory, "did not start")


def launch_failure(directory: MachineDirectory, what: str) -> CloudError:
    """Return the error of a machine that is not there, with the last lines of its log."""
    tail = directory.log_tail()
    return CloudError(
        f"machine {directory.name} {what}" + (f":\n{tail}" if tail else ""),
        "if its network is the reason, set SKYFLOW_LOCAL_NETWORK=shared",
    )


def end_processes(directory: MachineDirectory) -> None:
    """End every process of a machine and wait until its network is gone.

    Raises:
        CloudError: Some cannot be ended.

    """
    contact = directory.contact
    interface = contact.interface if contact else None
    # The end of its first process ends a machine with namespaces of its own, and one that was
    # never ready has run nothing yet. Any other knows best itself what to end.
    grace = _GRACE_SECONDS if contact and not interface else 0
    ended = _end_holder(directory, grace)
    if not ended or not ending.end_all(lambda: marks.processes_of(directory.path)):
        raise CloudError(
            f"processes of machine {directory.name} do not end although they were killed",
            "look for processes in uninterruptible sleep, such as on a lost file system",
        )
    if interface:
        _wait_for_removal(interface)


async def _spawn(directory: MachineDirectory) -> asyncio.subprocess.Process:
    with directory.open_log() as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "skyflow.clouds.local.machine",
            str(directory.path),
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd="/",
            env=marked_environment(directory.path),
            start_new_session=True,
        )


def _end_holder(directory: MachineDirectory, grace: float) -> bool:
    while (holder := directory.holder) is not None:
        try:
            process = psutil.Process(holder)
        except psutil.NoSuchProcess:
            continue
        # The lock still held proves that the number has not passed to another process meanwhile.
        if directory.holder == holder and not ending.end_process(process, grace):
            return False
    return True


def _wait_for_removal(interface: str) -> None:
    deadline = time.monotonic() + _INTERFACE_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.if_nametoindex(interface)
        except OSError:
            return
        time.sleep(0.005)
