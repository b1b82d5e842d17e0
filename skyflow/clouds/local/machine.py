"""A machine: `python -m skyflow.clouds.local.machine DIRECTORY`, with its plan on standard input.

This process starts the machine as a child that outlives it, and ends when the machine is ready:
with 0, or with 1 and the reason on standard error. Imports are few, and slow ones are made where
they are used: the child imports its SSH server while this process makes its network.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from skyflow.clouds.local import liveness, marks, namespaces
from skyflow.clouds.local.directory import Contact, MachineDirectory, Plan
from skyflow.clouds.local.way_out import RESOLVER_FILE

_SSH_PORT = 22
_HELD, _READY, _TAKEN = b"h", b"r", b"t"
_LOOK_SECONDS = 2
"""Time between two looks whether the machine's directory still exists."""
_OTHER_SECONDS = 60
"""Longest wait for a machine of the same name that another process is starting."""


def main() -> int:
    """Start a machine and wait until it is ready."""
    path = Path(sys.argv[1])
    directory = MachineDirectory(path.parent, path.name)
    plan = Plan.from_json(sys.stdin.buffer.read())
    computer = _leave_computer() if plan.own_network else None
    answers, answer = os.pipe()
    address, hand_over = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answers)
        os.close(hand_over)
        _be_machine(directory, plan, answer, address)
    os.close(answer)
    os.close(address)
    return _oversee(directory, plan, child, computer, answers, hand_over)


def _leave_computer() -> int:
    computer = namespaces.open_network()
    namespaces.leave_all()
    return computer


def _oversee(
    directory: MachineDirectory,
    plan: Plan,
    child: int,
    computer: int | None,
    answers: int,
    hand_over: int,
) -> int:
    first = os.read(answers, 1)
    if first == _TAKEN:
        return _wait_for_other(directory)
    if first == _HELD and computer is not None:
        from skyflow.clouds.local import network

        link = network.connect(child, computer, plan.way_out)
        os.write(hand_over, f"{link.address} {link.interface}".encode())
    os.close(hand_over)
    return 0 if first == _HELD and os.read(answers, 1) == _READY else 1


def _wait_for_other(directory: MachineDirectory) -> int:
    deadline = time.monotonic() + _OTHER_SECONDS
    while directory.contact is None:
        if directory.holder is None or time.monotonic() > deadline:
            sys.stderr.write("the process that was starting this machine did not finish\n")
            return 1
        time.sleep(0.01)
    return 0


def _be_machine(directory: MachineDirectory, plan: Plan, answer: int, address: int) -> NoReturn:
    status = 1
    try:
        _detach()
        marks.mark_this_process(directory.path)
        if plan.own_network:
            namespaces.become_init(directory.name)
            if plan.way_out and plan.way_out.resolver_file:
                namespaces.put_in_place(plan.way_out.resolver_file, str(RESOLVER_FILE))
        elif sys.platform == "linux":
            namespaces.adopt_orphans()
        status = _run(directory, plan, answer, address)
    except Exception:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _detach() -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)


def _run(directory: MachineDirectory, plan: Plan, answer: int, address: int) -> int:
    if not liveness.hold(directory.lock):
        os.write(answer, _TAKEN)
        return 1
    if directory.ended:
        sys.stderr.write("the machine was told to end before it had started\n")
        return 1
    os.write(answer, _HELD)
    try:
        asyncio.run(_serve(directory, plan, answer, address))
    finally:
        # In namespaces of its own the kernel ends everything with this process.
        if not plan.own_network:
            _end_everything(directory)
    return 0


async def _serve(directory: MachineDirectory, plan: Plan, answer: int, address: int) -> None:
    from skyflow.clouds.local import ssh_server
    from skyflow.clouds.local.processes import ProcessTable

    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    os.chdir(directory.home)
    table = ProcessTable()
    table.start()
    contact, _claim = _receive_address(plan, address) if plan.own_network else _share(plan)
    shells = ssh_server.Shells(table, plan.user, directory.home, os.environ)
    server = await ssh_server.listen(contact.address, contact.ssh_port, plan, shells)
    directory.publish(replace(contact, ssh_port=server.get_port()))
    # Whoever asked for the machine may be gone; it stays, for the next who asks.
    with contextlib.suppress(BrokenPipeError):
        os.write(answer, _READY)
    os.close(answer)
    await _until_told(directory, stopping)


def _receive_address(plan: Plan, address: int) -> tuple[Contact, None]:
    received = os.read(address, 100).decode().split()
    if not received:
        raise ConnectionAbortedError("the process that makes the machine's network has ended")
    return Contact(received[0], _SSH_PORT, plan.user, plan.port, received[1]), None


def _share(plan: Plan) -> tuple[Contact, socket.socket]:
    from skyflow.clouds.local import ports

    port, claim = ports.claim()
    return Contact("127.0.0.1", 0, plan.user, port, None), claim


async def _until_told(directory: MachineDirectory, stopping: asyncio.Event) -> None:
    while directory.lock.exists():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _LOOK_SECONDS)
            return


def _end_everything(directory: MachineDirectory) -> None:
    from skyflow.clouds.local import ending

    if sys.platform == "linux":
        ending.end_descendants()
    else:
        # The parent, if there still is one, has yet to tell that the machine did not start.
        ending.end_all(lambda: marks.processes_of(directory.path), spared=os.getppid())


if __name__ == "__main__":
    sys.exit(main())
