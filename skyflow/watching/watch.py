"""Watching one replica until something changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp

from skyflow.clouds.base import Machine, MachineState
from skyflow.contracts import WatchRequest, WatchResult
from skyflow.errors import CloudError, ConnectionFailed, RemoteError
from skyflow.remote.log_keeping import keep_log
from skyflow.remote.notices import notice_on
from skyflow.remote.replica_home import ProcessPhase, ProcessState, ReplicaHome
from skyflow.remote.ssh import connect
from skyflow.spec import Task
from skyflow.state import ReplicaPhase
from skyflow.storage.keyring import Keyring
from skyflow.storage.log_segments import log_prefix
from skyflow.storage.log_writer import LogWriter
from skyflow.storage.store import Store
from skyflow.watching.machines import MachineStates
from skyflow.watching.notices import NoticeBoard
from skyflow.watching.probe import probe
from skyflow.watching.verdict import ReadinessVerdict

FIRST_PROBE_SECONDS = 0.1
LONGEST_STARTING_PROBE_SECONDS = 1.0
"""While a replica is not ready its probes follow each other fast, at growing distance."""
RECONNECT_SECONDS = 2.0
NOTICE_RECONNECT_SECONDS = 5.0
LAST_WORDS_SECONDS = 2.0
"""Longest wait, once a machine does not answer, until what had come of its log is stored."""

Now = Callable[[], float]
"""Gives the time (Unix, seconds) as those have it who set deadlines."""

_GONE = (MachineState.GONE, MachineState.PREEMPTED, MachineState.STOPPED)


@dataclass(frozen=True)
class Watcher:
    """What every watch of a worker shares."""

    keyring: Keyring
    store: Store
    session: aiohttp.ClientSession
    machine_states: MachineStates
    notices: NoticeBoard

    async def watch(self, request: WatchRequest, task: Task, now: Now) -> WatchResult:
        """Return as soon as the replica's phase should change, or at the time of renewal.

        Meanwhile the output of `run` goes to the store. Whoever watches next goes on where this
        ended: nothing is kept but what the result says.

        Args:
            request: What to watch.
            task: What the replica runs.
            now: The clock that the request's times were taken from.

        Raises:
            ProbeImpossible: This computer has nothing left to watch with: another one should.

        """
        sources: list[Coroutine[Any, Any, WatchResult]] = [
            self._probes(request, task, now),
            _renewal(request.renew_at, now),
        ]
        sources += [
            self._process(request, task, node) for node in range(len(request.replica.nodes))
        ]
        if not request.notice:
            spot = [machine for machine in request.replica.nodes if machine.place.use_spot]
            sources += [self._notice(request, machine) for machine in spot]
            sources += [
                self._notice_on(request, machine, script)
                for machine in spot
                if (script := self.notices.script(machine))
            ]
        return await _first(sources)

    async def is_gone(self, machine: Machine) -> bool:
        """Return whether its cloud says that a machine no longer runs."""
        try:
            return await self.machine_states.state(machine) in _GONE
        except (CloudError, OSError):
            return False

    async def _probes(self, request: WatchRequest, task: Task, now: Now) -> WatchResult:
        settings = task.service.readiness_probe
        verdict = ReadinessVerdict(
            ready=request.ready,
            deadline=request.deadline,
            failing_since=request.failing_since,
            longest_failure=settings.consecutive_failure_threshold_timeout,
        )
        endpoint = request.replica.nodes[0].url
        interval = settings.endpoint_probe_interval_seconds
        pause = FIRST_PROBE_SECONDS
        while True:
            outcome = await probe(self.session, endpoint, settings)
            result = verdict.observe(outcome.succeeded, outcome.detail, now())
            if result is not None:
                return result
            await asyncio.sleep(interval if request.ready else min(pause, interval))
            pause = min(pause * 1.5, LONGEST_STARTING_PROBE_SECONDS)

    async def _process(self, request: WatchRequest, task: Task, node: int) -> WatchResult:
        """Return when `run` has ended or its machine is gone; a lost connection is neither."""
        machine = request.replica.nodes[node]
        while True:
            try:
                state = await self._until_exit(request, task, node)
            except RemoteError:
                if await self.is_gone(machine):
                    return WatchResult(
                        phase=ReplicaPhase.PREEMPTED, reason=f"machine {machine.name} is gone"
                    )
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            if node == 0 or state.exit_status != 0:
                return WatchResult(phase=ReplicaPhase.FAILED, reason=_why_ended(state, node))
            # Other nodes may end well: they often only start a daemon that joins the head.
            await asyncio.Event().wait()

    async def _notice(self, request: WatchRequest, machine: Machine) -> WatchResult:
        """Return when the cloud says that it will take a machine away."""
        notice = await self.notices.notice(machine)
        return WatchResult(phase=None, failing_since=request.failing_since, notice=notice)

    async def _notice_on(self, request: WatchRequest, machine: Machine, script: str) -> WatchResult:
        """Return when a machine has been told that the cloud will take it away, or is likely to."""
        while True:
            try:
                notice = await notice_on(machine, script, self.keyring)
            except RemoteError:
                # Whether the machine is gone is found out by whoever waits for its process.
                await asyncio.sleep(NOTICE_RECONNECT_SECONDS)
            else:
                return WatchResult(phase=None, failing_since=request.failing_since, notice=notice)

    async def _until_exit(self, request: WatchRequest, task: Task, node: int) -> ProcessState:
        """Store the output of `run` until it has ended."""
        replica = request.replica
        log = log_prefix(replica.service, replica.incarnation, replica.replica_id, node, "run")
        secrets = task.secret_values()
        ended = asyncio.Event()
        async with connect(replica.nodes[node], self.keyring) as connection:
            shipping = asyncio.create_task(
                keep_log(connection, "run", lambda: LogWriter(self.store, log, secrets), ended)
            )
            try:
                state = await _wait_for_exit(ReplicaHome(connection), shipping)
                ended.set()
                await shipping
            except RemoteError:
                # What had come when the connection was lost is stored first.
                await asyncio.wait({shipping}, timeout=LAST_WORDS_SECONDS)
                raise
            finally:
                shipping.cancel()
                await asyncio.wait({shipping})
        return state


async def _wait_for_exit(home: ReplicaHome, shipping: asyncio.Task[None]) -> ProcessState:
    """Return the state of `run` once it has ended; raise what ends the shipping of its log."""
    while True:
        waiting = asyncio.create_task(home.wait_for_exit())
        try:
            await asyncio.wait({waiting, shipping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not waiting.done():
                waiting.cancel()
                await asyncio.wait({waiting})
        if waiting.cancelled():
            await shipping
            raise ConnectionFailed("the log can no longer be followed")
        state = waiting.result()
        if state.phase is not ProcessPhase.RUNNING:
            return state


async def _renewal(at: float, now: Now) -> WatchResult:
    await asyncio.sleep(max(0.0, at - now()))
    return WatchResult(phase=None)


async def _first(sources: list[Coroutine[Any, Any, WatchResult]]) -> WatchResult:
    """Return what the first of several sources says, and end the others."""
    tasks = [asyncio.create_task(source) for source in sources]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    # Of several that came at once, the end of a replica outweighs its readiness.
    results = [task.result() for task in tasks if task in done]
    return max(results, key=lambda result: bool(result.phase and result.phase.ended))


def _why_ended(state: ProcessState, node: int) -> str:
    where = f" on node {node}" if node else ""
    if state.phase is ProcessPhase.EXITED and state.exit_status is not None:
        signal = f" (signal {state.exit_status - 128})" if state.exit_status > 128 else ""
        return f"run ended{where} with exit status {state.exit_status}{signal}"
    if state.phase is ProcessPhase.NOT_STARTED:
        return f"run is not there{where}"
    return f"run was killed{where}"
