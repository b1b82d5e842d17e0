"""A small process that holds the listening sockets of several that accept on them.

It touches no request. A process that ends, however it does, is started again and finds the
connections that came meanwhile in the queues of its sockets, which stayed open here.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass, field

from lb.data.channel import Channel, Message
from lb.data.held_sockets import BEGIN, CLOSE, LEAVE, LEFT, OPEN, REACT
from lb.data.serving import STOP_SECONDS
from lb.data.sockets import OwnSockets

_FIRST_DELAY_SECONDS = 0.02
_LONGEST_DELAY_SECONDS = 10.0
_HEALTHY_SECONDS = 1.0
"""A process that lived for this long had started well: the next delay is the first again."""
_KILL_SECONDS = STOP_SECONDS + 3
"""Time from SIGTERM to SIGKILL."""

HANGING_SECONDS = 10.0
"""Time between two questions whether a process reacts."""
HANGING_QUESTIONS = 6
"""Questions in a row without an answer after which it is killed: as many as those of the stack's
supervisor, and counted for the same reason, that the time goes on while a computer sleeps."""
_LEAVE_SECONDS = 3.0
"""Longest wait until all processes accept no more."""

_log = logging.getLogger(__name__)


@dataclass
class _Member:
    """One of the processes, in its present life."""

    number: int
    process: Process
    channel: Channel
    ports: set[int] = field(default_factory=set)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it accepts no more."""
    reacted: bool = False
    """Whether it answered the last question whether it reacts."""
    watch: asyncio.Task[None] | None = None

    async def kill_if_it_hangs(self) -> None:
        """Ask whether the process reacts until it does not, and end it then."""
        missed = 0
        while missed < HANGING_QUESTIONS:
            self.reacted = False
            self.channel.send({"say": REACT})
            await asyncio.sleep(HANGING_SECONDS)
            missed = 0 if self.reacted else missed + 1
        _log.error("process %d runs and does not react: killed", self.number)
        self.process.kill()


class Holder:
    """Holds sockets, and keeps the processes running that accept on them."""

    def __init__(self, sockets: OwnSockets, count: int, environment: Mapping[str, str]) -> None:
        """Begin with none running.

        Args:
            sockets: The sockets, some of which may be inherited.
            count: Number of processes.
            environment: Of the processes.
        """
        self._sockets = sockets
        self._count = count
        self._environment = dict(environment)
        self._members: dict[int, _Member] = {}
        self._ports: dict[int, set[int]] = {}
        """Which ports each process uses, or used before it ended."""
        self._serving: set[int] = set()
        self._all_serve = asyncio.Event()
        self._may_begin = asyncio.Event()
        self._ending = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the processes, and return when each has served once all that is on disk."""
        self._tasks = [asyncio.create_task(self._keep(number)) for number in range(self._count)]
        serving = asyncio.create_task(self._all_serve.wait())
        await asyncio.wait([serving, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        self._sockets.close_all_but(self._used())

    def begin(self) -> None:
        """Let the processes answer at the control interface."""
        self._may_begin.set()

    async def leave(self) -> None:
        """Have the processes stop accepting, as others do; they end when nothing is in flight."""
        self._ending = True
        for member in self._members.values():
            member.channel.send({"say": LEAVE})
        left = [asyncio.create_task(member.left.wait()) for member in self._members.values()]
        await asyncio.wait(left, timeout=_LEAVE_SECONDS)
        self._sockets.let_go()

    async def stop(self) -> None:
        """End the processes: with SIGTERM, and with SIGKILL if they do not end in time."""
        self._ending = True
        self._sockets.let_go()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for member in self._members.values():
                if member.process.returncode is None:
                    member.process.send_signal(number)
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_KILL_SECONDS)
        for task in self._tasks:
            task.cancel()

    def kill(self) -> None:
        """End the processes now."""
        for member in self._members.values():
            if member.process.returncode is None:
                member.process.kill()

    async def ended(self) -> None:
        """Wait until the processes have ended for good, after `leave`."""
        await asyncio.wait(self._tasks)

    async def _keep(self, number: int) -> None:
        delay = _FIRST_DELAY_SECONDS
        while not self._ending:
            started = time.monotonic()
            try:
                await self._live(number)
            except OSError as error:
                _log.error("process %d could not be started: %s", number, error)
            if self._ending:
                return
            healthy = time.monotonic() - started >= _HEALTHY_SECONDS
            delay = _FIRST_DELAY_SECONDS if healthy else min(delay * 2, _LONGEST_DELAY_SECONDS)
            await asyncio.sleep(delay)

    async def _live(self, number: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            which = ("--number", str(number), "--of", str(self._count))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "lb", "data", *which),
                *("--held", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                env=self._environment,
            )
        member = self._members[number] = _Member(number, process, Channel(ours))
        if self._ending:
            member.channel.send({"say": LEAVE})
        while message := await member.channel.receive():
            await self._take(member, message)
        if member.watch is not None:
            member.watch.cancel()
        member.left.set()
        code = await process.wait()
        log = _log.info if self._ending else _log.error
        log("process %d (pid %d) ended (exit status %d)", number, process.pid, code)

    async def _take(self, member: _Member, message: Message) -> None:
        if message.values["say"] == OPEN:
            await self._lend(member, message.values["port"])
        elif message.values["say"] == CLOSE:
            member.ports.discard(message.values["port"])
            self._set_ports(member)
        elif message.values["say"] == LEFT:
            member.left.set()
        elif message.values["say"] == BEGIN:
            self._set_ports(member)
            self._serving.add(member.number)
            if len(self._serving) == self._count:
                self._all_serve.set()
            await self._may_begin.wait()
            member.channel.send({})
            member.watch = asyncio.create_task(member.kill_if_it_hangs())
        elif message.values["say"] == REACT:
            member.reacted = True

    async def _lend(self, member: _Member, port: int) -> None:
        # Before, so that what another process gives back meanwhile does not close it.
        member.ports.add(port)
        try:
            found = await self._sockets.bound(port)
        except OSError as error:
            member.ports.discard(port)
            member.channel.send({"errno": error.errno or errno.EIO})
            return
        # Fewer than processes where the kernel does not balance, or as no more were handed over.
        own = found[member.number :: self._count] or [found[member.number % len(found)]]
        member.channel.send({"errno": 0}, [each.fileno() for each in own])

    def _set_ports(self, member: _Member) -> None:
        """Take note of what a process uses, and close what none does any more."""
        self._ports[member.number] = set(member.ports)
        if len(self._serving) == self._count:
            self._sockets.close_all_but(self._used())

    def _used(self) -> set[int]:
        living = [member.ports for member in self._members.values()]
        return set[int]().union(*self._ports.values(), *living)
